// A real provider (oidc-provider of npm) for the tests of federation: on loopback, with everything in memory. It says its port and then serves until it is ended.
// Its login and consent pages are plain forms that a test fills in by HTTP.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';

// Standard output is for the port alone: nobody reads it after that.
console.info = console.warn = console.error;

const [modulePath, configText] = process.argv.slice(2);
const config = JSON.parse(configText);
const { Provider } = await import(pathToFileURL(modulePath).href);

function key(alg) {
  const kinds = {
    ES256: ['ec', { namedCurve: 'P-256' }],
    EdDSA: ['ed25519', {}],
    RS256: ['rsa', { modulusLength: 2048 }],
    PS256: ['rsa', { modulusLength: 2048 }],
  };
  const { privateKey } = generateKeyPairSync(...kinds[alg]);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID() };
}

const server = config.tls ? createTlsServer(config.tls) : createServer();
await new Promise((ready) => server.listen(config.port ?? 0, '127.0.0.1', ready));
const issuer = `${config.tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: config.clients,
  jwks: { keys: [key(config.alg ?? 'ES256')] },
  acrValues: ['mfa', 'phr'],
  conformIdTokenClaims: false,
  claims: { openid: ['sub', 'employee_number', 'groups', 'name'], email: ['email', 'email_verified'] },
  cookies: { keys: ['only for tests'] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  enabledJWA: { idTokenSigningAlgValues: ['ES256', 'EdDSA', 'RS256', 'PS256'] },
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  // Without the dispatcher it brings, which refuses this machine: here everything is on it.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  findAccount: (_ctx, id) => config.accounts[id] && { accountId: id, claims: () => ({ sub: id, ...config.accounts[id] }) },
});
provider.on('server_error', (_ctx, error) => console.error(error));

async function form(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return new URLSearchParams(text);
}

async function interaction(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html');
    response.end(`<form method="post"><input name="prompt" value="${prompt.name}"></form>`);
    return;
  }
  const fields = await form(request);
  if (fields.get('cancel')) {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'cancelled' });
  } else if (prompt.name === 'login') {
    const login = { accountId: fields.get('login'), acr: fields.get('acr') ?? undefined };
    await provider.interactionFinished(request, response, { login });
  } else {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  }
}

const protocol = provider.callback();
server.on('request', (request, response) => {
  if (!request.url.startsWith('/interaction/')) return protocol(request, response);
  interaction(request, response).catch((error) => {
    console.error(error);
    response.statusCode = 500;
    response.end(String(error));
  });
});
console.log(server.address().port);
// The test ends by closing our standard input, however it ends.
process.stdin.resume().on('end', () => process.exit(0));
