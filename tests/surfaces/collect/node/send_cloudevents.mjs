// Sends CloudEvents in each mode through their SDK for JavaScript: address, key, tag.
import { createRequire } from "node:module";
const { CloudEvent, HTTP, Mode, emitterFor } = createRequire(process.env.NODE_FOLDER + "/")("cloudevents");
const [address, writeKey, tag] = process.argv.slice(2);
const authorization = "Basic " + Buffer.from(`${writeKey}:`).toString("base64");
async function post(message) {
  const body = typeof message.body === "string" || message.body instanceof Uint8Array ? message.body : JSON.stringify(message.body);
  const answer = await fetch(`${address}/v1/cloudevents`, { method: "POST", headers: { ...message.headers, authorization }, body });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
}
for (const mode of [Mode.BINARY, Mode.STRUCTURED]) {
  const event = new CloudEvent({
    id: `${tag}-${mode}`, source: "/orders", type: "Order Completed", subject: tag, time: "2026-06-05T20:00:00.000Z",
    data: { value: 25, currency: "EUR", note: "caffè" },
  });
  await emitterFor(post, { mode })(event);
}
