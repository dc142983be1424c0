// An authorization server on 127.0.0.1, for the tests beside it: oidc-provider, with a page on which its user logs in and
// consents. Its argument is JSON: see `Plan`. It writes one line when it listens, and ends with its standard input.
//
// GET /events answers what has happened, as a list of names. POST /forget, with a token in the body, ends that access token
// alone, as time would.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

import Provider, { errors } from "oidc-provider";

/**
 * @typedef {object} Plan
 * @property {"jwt" | "opaque"} format What access tokens look like.
 * @property {number} life How long they live, in seconds.
 * @property {boolean} nonces Whether proofs of possession need a nonce of this server.
 * @property {boolean} keeps Whether a client that registers is kept to the scopes that it names.
 */

/** @type {Plan} */
const plan = JSON.parse(process.argv[2]);

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

/** What the resource knows. */
const scopes = ["files:read", "files:write"];

const signer = generateKeyPairSync("ec", { namedCurve: "P-256" });
const own = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** A client that speaks for itself. */
const machine = {
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
};

const provider = new Provider(issuer, {
  clients: [
    { ...machine, client_id: "machine", client_secret: "a secret: with %, + and :" },
    {
      ...machine,
      client_id: "signer",
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [{ ...signer.publicKey.export({ format: "jwk" }), kid: "1", use: "sig", alg: "ES256" }] },
    },
    // The resource server, which asks what tokens are.
    { ...machine, client_id: "resource", client_secret: "the secret of the resource" },
  ],
  cookies: { keys: [randomBytes(16).toString("hex")] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => plan.nonces },
    introspection: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(_context, resource) {
        if (new URL(resource).hostname !== "127.0.0.1") {
          throw new errors.InvalidTarget();
        }
        return {
          audience: resource,
          scope: scopes.join(" "),
          accessTokenFormat: plan.format,
          accessTokenTTL: plan.life,
        };
      },
    },
    revocation: { enabled: true },
  },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  jwks: { keys: [{ ...own.privateKey.export({ format: "jwk" }), kid: "own", use: "sig", alg: "RS256" }] },
  rotateRefreshToken: true,
  scopes: ["openid", "offline_access", ...(plan.keeps ? scopes : [])],
  ttl: { Grant: 3600, Interaction: 600, RefreshToken: 3600, Session: 3600 },
});

const events = [];
const note = (name, detail) => events.push([name, detail].filter(Boolean).join(" "));
provider.on("registration_create.success", () => note("registered"));
provider.on("grant.success", ({ oidc }) => note("granted", oidc.params.grant_type));
provider.on("grant.error", ({ oidc }, error) => note("refused", `${oidc?.params?.grant_type} ${error.error}`));
provider.on("grant.revoked", () => note("revoked"));
provider.on("server_error", (_context, error) => console.error(error));

const authorize = provider.callback();

server.on("request", async (request, response) => {
  try {
    if (request.url === "/events") {
      response.setHeader("content-type", "application/json").end(JSON.stringify(events));
    } else if (request.url === "/forget") {
      const token = await provider.AccessToken.find(new URLSearchParams(await text(request)).get("token"));
      await token.destroy();
      response.end();
    } else if (request.url.startsWith("/interaction/")) {
      await interact(request, response);
    } else {
      await authorize(request, response);
    }
  } catch (error) {
    console.error(error);
    response.statusCode = 500;
    response.end(String(error));
  }
});

/** Shows the user a form, and takes it back: who they are, or whether they consent. */
async function interact(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (request.method !== "POST") {
    const field = prompt.name === "login" ? "login" : "consent";
    response.setHeader("content-type", "text/html").end(`<form method="post"><input name="${field}"></form>`);
    return;
  }
  const form = new URLSearchParams(await text(request));
  if (prompt.name === "login") {
    const result = { login: { accountId: form.get("login") } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    return;
  }
  if (form.get("consent") !== "yes") {
    const result = { error: "access_denied", error_description: "The user said no." };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    return;
  }
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(" "));
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(" "));
  }
  const result = { consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result);
}

async function text(request) {
  let text = "";
  for await (const part of request.setEncoding("utf8")) {
    text += part;
  }
  return text;
}

// Whoever started this has gone.
process.stdin.on("end", () => process.exit(0)).resume();

const key = signer.privateKey.export({ format: "pem", type: "pkcs8" });
console.log(JSON.stringify({ issuer, key }));
