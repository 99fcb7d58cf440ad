// xero-node against the Xero stand-in: prints what it saw as one JSON object.
import { Invoice, LineAmountTypes, Phone, XeroClient } from "xero-node";

const env = process.env;
const login = await fetch(`${env.XERO_IDENTITY_URL}/connect/token`, {
  method: "POST",
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams({
    grant_type: "client_credentials",
    client_id: env.XERO_CLIENT_ID,
    client_secret: env.XERO_CLIENT_SECRET,
  }),
});
const xero = new XeroClient({ clientId: env.XERO_CLIENT_ID, clientSecret: env.XERO_CLIENT_SECRET });
xero.setTokenSet(await login.json());
xero.accountingApi.basePath = `${env.XERO_API_URL}/api.xro/2.0`;
const api = xero.accountingApi;
const tenant = ""; // a custom connection belongs to one company
const seen = {};

const organisation = (await api.getOrganisations(tenant)).body.organisations[0];
seen.organisation = [String(organisation.baseCurrency), organisation.isDemoCompany, organisation.defaultSalesTax];
seen.accounts = (await api.getAccounts(tenant)).body.accounts.map((account) => account.code);
seen.taxRates = (await api.getTaxRates(tenant)).body.taxRates.map((rate) => [rate.taxType, rate.effectiveRate]);
seen.tracking = (await api.getTrackingCategories(tenant)).body.trackingCategories.map((category) => category.name);

const contacts = ["Ridgeway University", "Boom FM", "City Limousines"].map((name) => ({
  name,
  emailAddress: "accounts@example.com",
  phones: [{ phoneType: Phone.PhoneTypeEnum.DEFAULT, phoneNumber: "020 7946 0000" }],
}));
const created = (await api.createContacts(tenant, { contacts }, false, "contacts-1")).body.contacts;
seen.contacts = created.map((contact) => [contact.name, contact.contactStatus?.toString()]);
const contact = { contactID: created[0].contactID };

const body = (number, extra = {}) => ({
  type: Invoice.TypeEnum.ACCREC,
  contact,
  date: "2026-11-30",
  dueDate: "2026-12-14",
  invoiceNumber: number,
  url: "http://localhost:8400/i/ABC/1",
  lineAmountTypes: LineAmountTypes.Exclusive,
  status: Invoice.StatusEnum.DRAFT,
  lineItems: [
    {
      description: "Consulting",
      quantity: 0.3333,
      unitAmount: 100.1234,
      accountCode: "200",
      tracking: [{ name: "Region", option: "North" }],
    },
  ],
  ...extra,
});
const bad = body("TT-3", { currencyCode: "SEK" });
const batch = { invoices: [body("TT-1"), body("TT-2"), bad] };
const written = (await api.createInvoices(tenant, batch, false, 4, "invoices-1")).body.invoices;
seen.statuses = written.map((invoice) => invoice.statusAttributeString);
seen.problem = written[2].validationErrors[0].message;
const [first] = written;
seen.amounts = [first.lineItems[0].unitAmount, first.lineItems[0].lineAmount, first.totalTax, first.total];

const repeated = (await api.createInvoices(tenant, batch, false, 4, "invoices-1")).body.invoices;
seen.repeated = repeated[0].invoiceID === first.invoiceID;
try {
  await api.createInvoices(tenant, { invoices: [body("TT-9")] }, false, 4, "invoices-1");
} catch (error) {
  seen.reused = JSON.parse(error).response.statusCode;
}

const line = { ...first.lineItems[0], quantity: 2, lineAmount: undefined, taxAmount: undefined };
const change = { invoices: [{ invoiceID: first.invoiceID, status: Invoice.StatusEnum.DRAFT, lineItems: [line] }] };
const changed = (await api.updateOrCreateInvoices(tenant, change, false, 4, "invoices-2")).body.invoices[0];
seen.kept = changed.lineItems[0].lineItemID === first.lineItems[0].lineItemID;
seen.changed = changed.subTotal;

const page = (
  await api.getInvoices(
    tenant, new Date(Date.now() - 300000), undefined, "InvoiceNumber", undefined, ["TT-1", "TT-2"],
    undefined, ["DRAFT"], 1, undefined, true, 4, undefined, 1,
  )
).body;
seen.page = [page.invoices.length, page.pagination.pageCount, page.invoices[0].date, page.invoices[0].lineItems.length];
seen.contactPage = (
  await api.getContacts(tenant, undefined, 'Name=="boom fm"', undefined, undefined, 1, true, undefined, undefined, 50)
).body.contacts.map((found) => found.name);

const approve = { invoices: [{ invoiceID: first.invoiceID, status: Invoice.StatusEnum.AUTHORISED }] };
const approved = (await api.updateInvoice(tenant, first.invoiceID, approve, 4)).body.invoices[0];
const payment = { invoice: { invoiceID: first.invoiceID }, account: { code: "090" }, amount: approved.total };
await api.createPayment(tenant, { ...payment, date: "2026-12-01" });
await api.createInvoiceHistory(tenant, first.invoiceID, { historyRecords: [{ details: "Checked by Pat" }] });
seen.paid = String((await api.getInvoice(tenant, first.invoiceID, 4)).body.invoices[0].status);
seen.history = (await api.getInvoiceHistory(tenant, first.invoiceID)).body.historyRecords.map((note) => note.changes);

const credit = { type: "ACCRECCREDIT", contact, lineItems: body("").lineItems };
seen.credit = (await api.createCreditNotes(tenant, { creditNotes: [credit] }, false, 4)).body.creditNotes[0].total;

try {
  await api.createInvoices(tenant, { invoices: [bad] }, true, 4);
} catch (error) {
  const refused = JSON.parse(error).response;
  seen.refused = [refused.statusCode, refused.body.Type, refused.body.Elements[0].ValidationErrors[0].Message];
}
try {
  await api.getInvoice(tenant, "00000000-0000-0000-0000-00000000000a");
} catch (error) {
  seen.missing = JSON.parse(error).response.statusCode;
}
console.log(JSON.stringify(seen));
