// A connected client of the official TypeScript SDK, unmodified: over stdio (a command as JSON), over HTTP (a URL and a
// token), or over HTTP with OAuth (a URL, and as JSON what the authorization server, which it finds by itself, knows it by).
import { ClientCredentialsProvider } from "@modelcontextprotocol/sdk/client/auth-extensions.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const transportOf = (how, where, secret) => {
  if (how === "stdio") return new StdioClientTransport(JSON.parse(where));
  if (how === "http") {
    return new StreamableHTTPClientTransport(new URL(where), {
      requestInit: { headers: { Authorization: `Bearer ${secret}` } },
    });
  }
  return new StreamableHTTPClientTransport(new URL(where), {
    authProvider: new ClientCredentialsProvider(JSON.parse(secret)),
  });
};

export const connected = async (how, where, secret) => {
  const client = new Client({ name: "foreign", version: "1.0.0" });
  await client.connect(transportOf(how, where, secret));
  return client;
};
