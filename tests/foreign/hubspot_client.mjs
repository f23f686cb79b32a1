// HubSpot's own client for Node, unmodified, against a server whose address is the first argument.
// Prints what it saw as one JSON object.
import { Client } from "@hubspot/api-client";

const [basePath, accessToken] = process.argv.slice(2);
const client = new Client({ basePath, accessToken });
const { contacts, companies, objects, associations } = client.crm;
const seen = {};

const ada = await contacts.basicApi.create({ properties: { email: "ada@example.com", firstname: "Zoë" }, associations: [] });
const byEmail = await contacts.basicApi.getById("ada@example.com", ["firstname"], undefined, undefined, false, "email");
seen.byEmail = byEmail.id === ada.id && byEmail.properties.firstname;

const updated = await contacts.basicApi.update(ada.id, { properties: { phone: "1" } });
seen.updated = updated.properties.phone;
seen.isDate = updated.updatedAt instanceof Date;

const inputs = ["a@example.com", "nonsense", "b@example.com"].map((email) => ({
  properties: { email },
  associations: [],
  objectWriteTraceId: email,
}));
const batch = await contacts.batchApi.create({ inputs });
seen.batch = {
  status: batch.status,
  written: batch.results.map((row) => row.properties.email).sort(),
  errors: batch.numErrors,
  trace: batch.errors[0].context.objectWriteTraceId,
};

const keyed = { inputs: [{ id: "k1", idProperty: "seawall_key", properties: { firstname: "B" } }] };
seen.isNew = [];
for (let turn = 0; turn < 2; turn += 1) {
  seen.isNew.push((await contacts.batchApi.upsert(keyed)).results[0]._new);
}

await companies.basicApi.create({ properties: { name: "Acme", city: "Oslo" }, associations: [] });
const found = await companies.searchApi.doSearch({
  filterGroups: [{ filters: [{ propertyName: "city", operator: "EQ", value: "oslo" }] }],
  sorts: ["name"],
  properties: ["name"],
  limit: 10,
  after: "0",
});
seen.found = [found.total, found.results[0].properties.name];

const note = await objects.notes.basicApi.create({
  properties: { hs_timestamp: "2026-01-01T00:00:00Z", hs_note_body: "Called" },
  associations: [
    { to: { id: ada.id }, types: [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: 202 }] },
  ],
});
const linked = await associations.v4.basicApi.getPage("contacts", ada.id, "notes");
seen.linked = linked.results.map((row) => String(row.toObjectId) === note.id);
const company = found.results[0].id;
const made = await associations.v4.basicApi.createDefault("contacts", ada.id, "companies", company);
seen.associated = made.results.length;

await contacts.basicApi.archive(ada.id);
try {
  await contacts.basicApi.getById(ada.id);
} catch (error) {
  seen.gone = error.code;
}
try {
  await contacts.basicApi.create({ properties: { email: "a@example.com" }, associations: [] });
} catch (error) {
  seen.conflict = [error.code, error.body.category, error.body.message];
}
process.stdout.write(JSON.stringify(seen));
