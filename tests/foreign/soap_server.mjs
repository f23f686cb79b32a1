// npm's `soap` server with the billing contract; not ours, so that the connector meets somebody else's reading of SOAP.
// argv: path of billing.wsdl. Prints its port, ends with its standard input.
// GET /journal: what was really booked. POST /control {"lose": n, "hang": n}: the next n answers of BookCredit are
// lost (connection cut) or never come, after the credit was booked.
import { readFileSync } from "node:fs";
import http from "node:http";
import soap from "soap";

const booked = [];
const notified = [];
const control = { lose: 0, hang: 0 };
const account = {
  accountNo: "A1", name: "Acme", openedOn: "2016-03-01", balance: "100.00", currency: "EUR", creditLimit: null,
};

function fault(code, text) {
  return { Fault: { faultcode: "soap:Client", faultstring: text, detail: { billingFault: { code, text } } } };
}

function book({ accountNo, reference, amount, currency, text }) {
  if (accountNo !== account.accountNo) throw fault("NO_SUCH_ACCOUNT", `There is no account ${accountNo}`);
  const bookedAt = new Date().toISOString();
  const credit = { creditNo: `CR${booked.length + 1}`, accountNo, reference, amount, currency, text, bookedAt, state: "booked" };
  booked.push(credit);
  account.balance = (Number(account.balance) + Number(amount)).toFixed(2);
  return credit;
}

const operations = {
  Login: () => ({ sessionId: "S1" }),
  GetAccount: ({ accountNo }) => {
    if (accountNo !== account.accountNo) throw fault("NO_SUCH_ACCOUNT", `There is no account ${accountNo}`);
    return { account };
  },
  BookCredit: (request) => {
    const { creditNo, bookedAt } = book(request);
    return { creditNo, bookedAt, newBalance: account.balance };
  },
  FindCredits: ({ reference }) => ({ credit: booked.filter((one) => one.reference === reference) }),
  ReverseCredit: ({ creditNo }) => {
    const credit = booked.find((one) => one.creditNo === creditNo);
    if (!credit) throw fault("NO_SUCH_CREDIT", `There is no credit ${creditNo}`);
    credit.state = "reversed";
    return { creditNo, newBalance: account.balance };
  },
  NotifyCustomer: (request) => { notified.push(request); },
};
const ports = { Billing11: operations, Billing12: operations, BillingRpc11: operations };

const server = http.createServer((request, response) => {
  if (request.url === "/journal") {
    response.end(JSON.stringify({ booked, notified }));
  } else if (request.url === "/control") {
    let body = "";
    request.on("data", (chunk) => { body += chunk; });
    request.on("end", () => { Object.assign(control, JSON.parse(body)); response.end("{}"); });
  } else {
    response.statusCode = 404;
    response.end();
  }
});

// Between the service and the wire: the answer to a BookCredit is lost here, after the credit was booked.
function spoilAnswer(request, response) {
  if (!/BookCredit/.test(request.headers.soapaction || "")) return;
  const spoil = control.lose > 0 ? "lose" : control.hang > 0 ? "hang" : null;
  if (!spoil) return;
  control[spoil] -= 1;
  const write = () => { if (spoil === "lose") request.socket.destroy(); return true; };
  response.write = write;
  response.end = write;
}

server.listen(0, "127.0.0.1", () => {
  const wsdl = readFileSync(process.argv[2], "utf8");
  const ready = () => {
    server.prependListener("request", spoilAnswer); // soap.listen puts itself before all that were there
    console.log(server.address().port);
  };
  soap.listen(server, { path: "/billing", services: { BillingService: ports }, xml: wsdl, callback: ready });
});
process.stdin.on("end", () => process.exit(0)).resume();
