#!/usr/bin/env python3
"""Ask, search and watch from Python, with nothing but the standard library.

    handrail.py ask    WHO ACTION RECORD DEVICE     may they, and if not, why not and what would help?
    handrail.py search WHO ACTION DEVICE            which patients may they do it to, a page at a time
    handrail.py watch  WHO ACTION RECORD DEVICE     a permit that stays live, until it ends

HANDRAIL_URL is where the node answers, HANDRAIL_TOKEN what `handrail caller add` printed. For TLS: HANDRAIL_CA, and with a registered
certificate HANDRAIL_CERTIFICATE and HANDRAIL_KEY, all PEM files.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.request
from collections.abc import Iterator

URL = os.environ.get("HANDRAIL_URL", "http://127.0.0.1:8700")

# What this enforcement point can do. It must deny what obliges it to anything else.
OBLIGATIONS = {"ask_again", "end_access"}


class Handrail:
    def __init__(self, url: str) -> None:
        self.url = url
        self.tls = None
        if url.startswith("https://"):
            self.tls = ssl.create_default_context(cafile=os.environ.get("HANDRAIL_CA"))
            if certificate := os.environ.get("HANDRAIL_CERTIFICATE"):
                self.tls.load_cert_chain(certificate, os.environ.get("HANDRAIL_KEY"))

    def _open(self, path: str, body: dict | None = None):
        headers = {"Content-Type": "application/json"}
        if token := os.environ.get("HANDRAIL_TOKEN"):
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), context=self.tls)

    def post(self, path: str, body: dict) -> dict:
        with self._open(path, body) as answer:
            return json.load(answer)

    def ask(self, question: dict) -> dict:
        return self.post("/access/v1/evaluation", question)

    def search(self, question: dict) -> Iterator[str]:
        """Every patient there is, a page at a time. A page may be short, or empty, and not be the last."""
        page: dict = {"limit": 2}
        while True:
            answer = self.post("/access/v1/search/resource", question | {"page": page})
            yield from (found["id"] for found in answer["results"])
            if not (token := answer["page"]["next_token"]):
                return
            page["token"] = token

    def watch(self, entry: int) -> Iterator[tuple[str, dict]]:
        """Server-sent events of a live permit: `holds` at once, `ended` when it does."""
        with self._open(f"/handrail/v1/permits/{entry}/watch") as stream:
            event = ""
            for line in stream:
                name, _, value = line.decode().rstrip("\n").partition(":")
                if name == "event":
                    event = value.strip()
                elif name == "data":
                    yield event, json.loads(value)


def question(who: str, action: str, record: str | None, device: str) -> dict:
    resource = {"type": "patient"} if record is None else {"type": "patient", "id": record}
    return {
        "subject": {"type": "user", "id": who},
        "action": {"name": action},
        "resource": resource,
        "context": {
            "device": device,
            "session": {"level": 2, "age_minutes": 1, "method": "passkey"},
            "purpose": "TREAT",
        },
    }


def granted(answer: dict) -> bool:
    """Whether access may be given: permitted, and nothing is asked of us that we do not understand."""
    obligations = answer["context"].get("obligations", [])
    return answer["decision"] and all(duty["kind"] in OBLIGATIONS for duty in obligations)


def main(words: list[str]) -> int:
    handrail = Handrail(URL)
    match words:
        case ["ask", who, action, record, device]:
            answer = handrail.ask(question(who, action, record, device))
            told = answer["context"]
            print("permit" if granted(answer) else "deny")
            print("\n".join([told["reason"], *told["reasons"]]))
            for remedy in told.get("remedies", []):
                print("would help:", remedy["text"])
            print("evidence: entry", told["entry"])
        case ["search", who, action, device]:
            for patient in handrail.search(question(who, action, None, device)):
                print(patient)
        case ["watch", who, action, record, device]:
            answer = handrail.post("/handrail/v1/permits", question(who, action, record, device))
            if not granted(answer):
                print("deny")
                return 3
            for event, told in handrail.watch(answer["context"]["entry"]):
                print("holds" if event == "holds" else f"ended: {told['cause']}, {told['mode']}", flush=True)
        case _:
            print(__doc__, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
