// jsforce's streaming (Faye) against the Salesforce stand-in: prints the events it replayed as one JSON object.
import jsforce from "jsforce";
import { createRequire } from "node:module";

const { StreamingExtension } = createRequire(import.meta.url)("jsforce/lib/api/streaming");
const env = process.env;
const CHANNEL = "/data/TimeEntry__ChangeEvent";
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

const read = (replay, count) =>
  new Promise((resolve, reject) => {
    const found = [];
    const client = connection.streaming.createClient([new StreamingExtension.Replay(CHANNEL, replay)]);
    const subscription = client.subscribe(CHANNEL, (data) => {
      const header = data.payload.ChangeEventHeader;
      found.push({ replayId: data.event.replayId, type: header.changeType, ids: header.recordIds });
      if (found.length === count) {
        client.disconnect();
        resolve(found);
      }
    });
    subscription.errback(reject);
  });

const seen = { events: await read(-2, 3) };
seen.replayed = await read(seen.events[0].replayId, 2);
try {
  await read(4711, 1);
} catch (error) {
  seen.refused = error.message;
}
console.log(JSON.stringify(seen));
process.exit(0);
