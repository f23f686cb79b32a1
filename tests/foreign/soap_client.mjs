// npm's `soap` client, unmodified, against the simulated ERP at the URL given; tells as JSON what it saw.
import soap from "soap";

const client = await soap.createClientAsync(`${process.argv[2]}/services/ErpPort?wsdl`);
client.setEndpoint(`${process.argv[2]}/services/ErpPort`); // it would take the last port, which speaks SOAP 1.2
const passport = { email: "integration@example.com", password: "correct-horse", account: "TSTDRV1" };
client.addSoapHeader({ passport }, "", "msg", "urn:messages.erp.example");

const memo = (externalId, customer) => ({
  record: {
    attributes: { "xsi:type": "rec:CreditMemo", "xmlns:rec": "urn:records.erp.example", externalId },
    "rec:entity": { attributes: { internalId: customer } },
    "rec:total": "7.25",
    "rec:memo": "from node",
  },
});

const seen = {};
const [made] = await client.upsertAsync(memo("n1", process.argv[3]));
seen.made = made.writeResponse.status.attributes.isSuccess;
const [refused] = await client.upsertAsync(memo("n2", "999"));
seen.refused = refused.writeResponse.status.statusDetail[0].code;
const ref = { attributes: { "xsi:type": "core:RecordRef", "xmlns:core": "urn:core.erp.example", externalId: "n1", type: "creditMemo" } };
const [read] = await client.getAsync({ baseRef: ref });
seen.total = read.readResponse.record.total;
client.clearSoapHeaders();
try {
  await client.getAsync({ baseRef: ref });
} catch (error) {
  seen.fault = error.root.Envelope.Body.Fault.detail.invalidSessionFault.code;
}
console.log(JSON.stringify(seen));
