// The official SDK's client for TypeScript, unmodified, against a Seawall: lists the tools, calls one twice, and prints
// what it saw as one JSON object.
import { connected } from "./mcp_connect.mjs";

const client = await connected(...process.argv.slice(2));

const seen = {};
const { tools } = await client.listTools();
seen.names = tools.map((tool) => tool.name);
seen.create = tools.find((tool) => tool.name === "crm__create_case");

// The client checks each result against the tool's output schema, and throws if it does not fit.
const request = { reference: "order-4711", subject: "Parcel lost" };
const call = async (name, args) => {
  const result = await client.callTool({ name, arguments: args });
  const { status, effect, operation_id: id } = result.structuredContent;
  return { status, effect, id, isError: result.isError ?? false, mirrored: JSON.parse(result.content[0].text).status };
};
seen.first = await call("crm__create_case", request);
seen.again = await call("crm__create_case", request);
seen.reworded = await call("crm__create_case", { ...request, subject: "A parcel was lost" });
seen.asked = await call("operation_get", { operation_id: seen.first.id });
seen.unknown = await call("crm__no_such", {});

await client.close();
console.log(JSON.stringify(seen));
