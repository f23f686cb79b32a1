// Calls a tool that takes longer than the server holds a call, and prints what was told meanwhile and afterwards.
import { connected } from "./mcp_connect.mjs";

const client = await connected(...process.argv.slice(2));
const told = async (name, args, options) => {
  const { structuredContent } = await client.callTool({ name, arguments: args }, undefined, options);
  return structuredContent;
};
const progress = [];
const onprogress = ({ progress: seconds, message }) => progress.push({ seconds, message });
const request = { reference: "order-4711", subject: "Parcel lost" };
const first = await told("crm__create_case", request, { onprogress });
const last = await told(first.next.tool, first.next.arguments);
await client.close();
console.log(JSON.stringify({ progress, first, last }));
