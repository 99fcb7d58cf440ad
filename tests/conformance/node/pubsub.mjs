// salesforce-pubsub-api-client against the Salesforce stand-in, over TLS: prints the events it got as one JSON object.
import PubSubApiClient from "salesforce-pubsub-api-client";

const env = process.env;
const TOPIC = "/data/TimeEntry__ChangeEvent";
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const clients = [];

// One client for each subscription: a client goes on with the stream it has on a topic.
const connect = async () => {
  const client = new PubSubApiClient(
    {
      authType: "oauth-client-credentials",
      loginUrl: env.SALESFORCE_LOGIN_URL,
      clientId: env.SALESFORCE_CLIENT_ID,
      clientSecret: env.SALESFORCE_CLIENT_SECRET,
      pubSubEndpoint: env.SANDBOX_PUBSUB_TLS_TARGET,
      rejectUnauthorizedSsl: false,
    },
    quiet,
  );
  await client.connect();
  clients.push(client);
  return client;
};

const seen = { events: [], replayed: [], error: "" };
const plain = (event) => ({
  type: event.payload.ChangeEventHeader.changeType,
  changed: event.payload.ChangeEventHeader.changedFields,
  nulled: event.payload.ChangeEventHeader.nulledFields,
  hours: event.payload.Hours__c,
  status: event.payload.Status__c,
  replayId: event.replayId,
});

const collect = (subscribe, into) =>
  new Promise((resolve, reject) =>
    subscribe((_subscription, kind, data) => {
      if (kind === "event") into.push(plain(data));
      if (kind === "lastEvent") resolve();
      if (kind === "error") reject(data);
    }),
  );

const first = await connect();
await collect((callback) => first.subscribeFromEarliestEvent(TOPIC, callback, 3), seen.events);
const second = await connect();
const position = seen.events[0].replayId;
await collect((callback) => second.subscribeFromReplayId(TOPIC, callback, 2, position), seen.replayed);
const third = await connect();
try {
  await collect((callback) => third.subscribeFromReplayId(TOPIC, callback, 1, 4711), []);
} catch (error) {
  seen.error = `${error.code} ${error.metadata?.get("error-code")}`;
}
console.log(JSON.stringify(seen));
clients.forEach((client) => client.close());
process.exit(0);
