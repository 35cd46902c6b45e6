// Ask, search and watch from TypeScript: Node.js 20 or newer, no package needed to run it.
//
//     node handrail.js ask    WHO ACTION RECORD DEVICE     may they, and if not, why not and what would help?
//     node handrail.js search WHO ACTION DEVICE            which patients may they do it to, a page at a time
//     node handrail.js watch  WHO ACTION RECORD DEVICE     a permit that stays live, until it ends
//
// HANDRAIL_URL is where the node answers, HANDRAIL_TOKEN what `handrail caller add` printed. NODE_EXTRA_CA_CERTS names a hospital's own
// authority. `tsc -p examples/integrate` checks this file and makes handrail.js of it.

declare const process: { argv: string[]; env: Record<string, string | undefined>; exitCode?: number };

interface Question {
  subject: { type: string; id: string };
  action: { name: string };
  resource: { type: string; id?: string };
  context: Record<string, unknown>;
}

interface Remedy {
  kind: string;
  text: string;
}

interface Decision {
  decision: boolean;
  context: {
    entry: number;
    reason: string;
    reasons: string[];
    remedies?: Remedy[];
    obligations?: { kind: string }[];
  };
}

interface Results {
  page: { next_token: string; count: number };
  results: { type: string; id: string }[];
}

type Standing = { standing: "holds" } | { standing: "ended"; cause: string; mode: string };

/** What this enforcement point can do. It must deny what obliges it to anything else. */
const OBLIGATIONS = new Set(["ask_again", "end_access"]);

class Handrail {
  constructor(
    private readonly url: string,
    private readonly token: string | undefined,
  ) {}

  private async open(path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (this.token) headers["authorization"] = `Bearer ${this.token}`;
    const init: RequestInit = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await fetch(this.url + path, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async ask(question: Question): Promise<Decision> {
    return (await (await this.open("/access/v1/evaluation", question)).json()) as Decision;
  }

  async openPermit(question: Question): Promise<Decision> {
    return (await (await this.open("/handrail/v1/permits", question)).json()) as Decision;
  }

  /** Every patient there is, a page at a time. A page may be short, or empty, and not be the last. */
  async *search(question: Question): AsyncGenerator<string> {
    let token = "";
    do {
      const page = token === "" ? { limit: 2 } : { limit: 2, token };
      const answer = await this.open("/access/v1/search/resource", { ...question, page });
      const found = (await answer.json()) as Results;
      for (const result of found.results) yield result.id;
      token = found.page.next_token;
    } while (token !== "");
  }

  /** Server-sent events of a live permit: `holds` at once, `ended` when it does. */
  async *watch(entry: number): AsyncGenerator<Standing> {
    const answer = await this.open(`/handrail/v1/permits/${entry}/watch`);
    if (answer.body === null) return;
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("data:")) yield JSON.parse(line.slice("data:".length)) as Standing;
      }
    }
  }
}

function question(who: string, action: string, record: string | undefined, device: string): Question {
  return {
    subject: { type: "user", id: who },
    action: { name: action },
    resource: record === undefined ? { type: "patient" } : { type: "patient", id: record },
    context: { device, session: { level: 2, age_minutes: 1, method: "passkey" }, purpose: "TREAT" },
  };
}

/** Whether access may be given: permitted, and nothing is asked of us that we do not understand. */
function granted(answer: Decision): boolean {
  return answer.decision && (answer.context.obligations ?? []).every((duty) => OBLIGATIONS.has(duty.kind));
}

async function main(words: string[]): Promise<number> {
  const handrail = new Handrail(process.env["HANDRAIL_URL"] ?? "http://127.0.0.1:8700", process.env["HANDRAIL_TOKEN"]);
  const [command, who, action, third, fourth] = words;
  if (command === "ask" && who && action && third && fourth) {
    const answer = await handrail.ask(question(who, action, third, fourth));
    console.log(granted(answer) ? "permit" : "deny");
    console.log([answer.context.reason, ...answer.context.reasons].join("\n"));
    for (const remedy of answer.context.remedies ?? []) console.log(`would help: ${remedy.text}`);
    console.log(`evidence: entry ${answer.context.entry}`);
    return 0;
  }
  if (command === "search" && who && action && third) {
    for await (const patient of handrail.search(question(who, action, undefined, third))) console.log(patient);
    return 0;
  }
  if (command === "watch" && who && action && third && fourth) {
    const answer = await handrail.openPermit(question(who, action, third, fourth));
    if (!granted(answer)) {
      console.log("deny");
      return 3;
    }
    for await (const told of handrail.watch(answer.context.entry)) {
      console.log(told.standing === "holds" ? "holds" : `ended: ${told.cause}, ${told.mode}`);
    }
    return 0;
  }
  console.error("handrail.js ask|search|watch WHO ACTION … : see the head of handrail.ts");
  return 1;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
