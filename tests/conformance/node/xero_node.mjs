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

const credit = { type: "ACCRECCREDIT", contact, creditNoteNumber: "TT-CN-1", lineItems: body("").lineItems };
const note = (await api.createCreditNotes(tenant, { creditNotes: [credit] }, false, 4)).body.creditNotes[0];
seen.credit = note.total;
const second = written[1].invoiceID;
const authorise = { status: Invoice.StatusEnum.AUTHORISED };
await api.updateInvoice(tenant, second, { invoices: [{ invoiceID: second, ...authorise }] }, 4);
const noted = { creditNotes: [{ creditNoteID: note.creditNoteID, ...authorise }] };
seen.noteStatus = String((await api.updateCreditNote(tenant, note.creditNoteID, noted, 4)).body.creditNotes[0].status);
const allocations = { allocations: [{ amount: 10, date: "2026-12-01", invoice: { invoiceID: second } }] };
const allocated = (await api.createCreditNoteAllocation(tenant, note.creditNoteID, allocations)).body.allocations[0];
const credited = (await api.getInvoice(tenant, second, 4)).body.invoices[0];
const left = (await api.getCreditNote(tenant, note.creditNoteID, 4)).body.creditNotes[0];
seen.allocated = [allocated.amount, credited.amountCredited, credited.amountDue, left.remainingCredit];
const gone = (await api.deleteCreditNoteAllocations(tenant, note.creditNoteID, allocated.allocationID)).body;
seen.unallocated = [gone.isDeleted, (await api.getInvoice(tenant, second, 4)).body.invoices[0].amountDue];
const remark = { historyRecords: [{ details: "Taken off TT-2" }] };
await api.createCreditNoteHistory(tenant, note.creditNoteID, remark);
const past = (await api.getCreditNoteHistory(tenant, note.creditNoteID)).body.historyRecords;
seen.noteHistory = past.map((record) => record.changes);

const csv = Buffer.from("day;hours\n2026-11-02;7.5\n");
const asCsv = { headers: { "Content-Type": "text/csv" } };
const named = [tenant, second, "timesheet.csv"];
const attached = (await api.createInvoiceAttachmentByFileName(...named, csv, true, undefined, asCsv)).body.attachments[0];
seen.attached = [attached.fileName, attached.mimeType, attached.contentLength, attached.includeOnline];
const read = (await api.getInvoiceAttachmentByFileName(...named, "text/csv")).body;
seen.sameFile = Buffer.compare(Buffer.from(read), csv) === 0;
await api.updateInvoiceAttachmentByFileName(...named, Buffer.from("day;hours\n"), undefined, asCsv);
const files = (await api.getInvoiceAttachments(tenant, second)).body.attachments;
seen.files = files.map((file) => [file.fileName, file.contentLength]);
seen.hasAttachments = (await api.getInvoice(tenant, second, 4)).body.invoices[0].hasAttachments;

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
