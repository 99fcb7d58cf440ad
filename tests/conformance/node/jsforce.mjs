// jsforce against the Salesforce stand-in: prints what it saw as one JSON object.
import jsforce from "jsforce";

const env = process.env;
const connection = new jsforce.Connection({
  loginUrl: env.SALESFORCE_LOGIN_URL,
  instanceUrl: env.SALESFORCE_LOGIN_URL,
  version: "67.0",
});
await connection.authorize({
  grant_type: "client_credentials",
  client_id: env.SALESFORCE_CLIENT_ID,
  client_secret: env.SALESFORCE_CLIENT_SECRET,
});

const seen = { user: connection.userInfo.organizationId, identity: (await connection.identity()).organization_id };

const described = await connection.describe("TimeEntry__c");
seen.described = described.fields.find((field) => field.name === "Project__c").relationshipName;
seen.objects = (await connection.describeGlobal()).sobjects.map((object) => object.name);

const entries = connection.sobject("TimeEntry__c");
const created = await entries.create({ Hours__c: 1.5, Work_Date__c: "2026-11-25", Description__c: "by jsforce" });
seen.created = created.success;
await entries.update({ Id: created.id, Hours__c: 2.25 });
seen.retrieved = (await entries.retrieve(created.id)).Hours__c;
seen.found = (await entries.find({ Hours__c: 2.25 }, "Id, Hours__c, Owner.Name")).map((row) => row.Owner.Name);
seen.deleted = (await entries.destroy(created.id)).success;
try {
  await entries.retrieve(created.id);
} catch (error) {
  seen.gone = error.errorCode;
}

const many = Array.from({ length: 450 }, (_, number) => ({ Hours__c: number + 1 }));
const results = await entries.create(many, { allowRecursive: true });
seen.many = results.filter((result) => result.success).length;
const paged = await connection.query("SELECT Id, Hours__c FROM TimeEntry__c ORDER BY Hours__c", {
  autoFetch: true,
  maxFetch: 1000,
  headers: { "Sforce-Query-Options": "batchSize=200" },
});
seen.total = paged.totalSize;
seen.fetched = new Set(paged.records.map((row) => row.Id)).size;
seen.limitInfo = connection.limitInfo.apiUsage.limit;

const contacts = connection.sobject("Xero_Contact__c");
const upsert = async (name) => (await contacts.upsert({ Name: name, Contact_ID__c: "one" }, "Contact_ID__c")).created;
seen.upserts = [await upsert("First"), await upsert("Second")];
const batch = [
  { Name: "Third", Contact_ID__c: "one" },
  { Name: "Fourth", Contact_ID__c: "two" },
  { Contact_ID__c: "three" },
];
seen.batch = (await contacts.upsert(batch, "Contact_ID__c")).map((result) => result.success);

const now = new Date();
const span = [new Date(now.getTime() - 3600_000), new Date(now.getTime() + 120_000)];
seen.updated = (await entries.updated(...span)).ids.length;
seen.removed = (await entries.deleted(...span)).deletedRecords.map((record) => record.id === created.id);

try {
  await connection.query("SELECT Nope FROM TimeEntry__c");
} catch (error) {
  seen.refused = error.errorCode;
}
console.log(JSON.stringify(seen));
