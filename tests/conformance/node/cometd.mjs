// cometd against the Salesforce stand-in: replays the stream, is forgotten, comes back; prints what it saw as JSON.
import { adapt } from "cometd-nodejs-client";
import { CometD } from "cometd";

adapt();
const env = process.env;
const CHANNEL = "/data/TimeEntry__ChangeEvent";
const login = await fetch(`${env.SALESFORCE_LOGIN_URL}/services/oauth2/token`, {
  method: "POST",
  body: new URLSearchParams({
    grant_type: "client_credentials",
    client_id: env.SALESFORCE_CLIENT_ID,
    client_secret: env.SALESFORCE_CLIENT_SECRET,
  }),
});
const { access_token: token } = await login.json();
const headers = { Authorization: `Bearer ${token}` };

const cometd = new CometD();
cometd.unregisterTransport("websocket");
cometd.configure({
  url: `${env.SALESFORCE_LOGIN_URL}/cometd/67.0`,
  requestHeaders: headers,
  appendMessageTypeToURL: false,
});

const seen = { events: [], connects: [], refused: "", error: "", handshakes: 0 };
const plain = (message) => ({
  replayId: message.data.event.replayId,
  type: message.data.payload.ChangeEventHeader.changeType,
  ids: message.data.payload.ChangeEventHeader.recordIds,
  changed: message.data.payload.ChangeEventHeader.changedFields,
  hours: message.data.payload.Hours__c,
  day: message.data.payload.Work_Date__c,
  fields: Object.keys(message.data.payload).sort(),
});

let arrived = () => {};
const wait = (condition) =>
  new Promise((resolve) => {
    arrived = () => condition() && resolve();
    arrived();
  });
const onEvent = (message) => {
  seen.events.push(plain(message));
  arrived();
};
const subscribe = (channel, replay) =>
  new Promise((resolve) => cometd.subscribe(channel, onEvent, { ext: { replay: { [channel]: replay } } }, resolve));

let replay = -2;
cometd.addListener("/meta/handshake", async (message) => {
  if (!message.successful) return;
  seen.handshakes += 1;
  seen.extensions = message.ext;
  const answer = await subscribe(CHANNEL, replay);
  seen.subscribed = answer.successful;
  arrived();
});
cometd.addListener("/meta/connect", (message) => {
  if (seen.connects.length < 2) seen.connects.push(message.advice ?? null);
  if (message.error) seen.error = message.error;
});

cometd.handshake();
await wait(() => seen.events.length === 3);
seen.refused = (await subscribe("/data/Account__ChangeEvent", -1)).error;
replay = seen.events[2].replayId;
await fetch(`${env.SANDBOX_CONTROL_URL}/salesforce/stream`, {
  method: "POST",
  body: JSON.stringify({ action: "forget-clients" }),
});
await wait(() => seen.handshakes === 2 && seen.subscribed);
await fetch(`${env.SALESFORCE_LOGIN_URL}/services/data/v67.0/sobjects/TimeEntry__c`, {
  method: "POST",
  headers: { ...headers, "Content-Type": "application/json" },
  body: JSON.stringify({ Hours__c: 4 }),
});
await wait(() => seen.events.length === 4);
await new Promise((resolve) => cometd.disconnect(resolve));
console.log(JSON.stringify(seen));
process.exit(0);
