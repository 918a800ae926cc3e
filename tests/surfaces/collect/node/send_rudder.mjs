// Sends as many events as asked through RudderStack's client for Node: address, key, tag, count, gzip.
import { createRequire } from "node:module";
const Analytics = createRequire(process.env.NODE_FOLDER + "/")("@rudderstack/rudder-sdk-node");
const [address, writeKey, tag, count, gzip] = process.argv.slice(2);
const analytics = new (Analytics.default ?? Analytics)(writeKey, { dataPlaneUrl: address, flushAt: 7, gzip: gzip === "gzip" });
for (let number = 0; number < Number(count); number++) {
  analytics.track({
    userId: tag, event: "Order Completed", messageId: `${tag}-${number}`,
    properties: { order_id: `o${number}`, revenue: 25, currency: "EUR" },
  });
}
await new Promise((done, failed) => analytics.flush((error) => (error ? failed(error) : done())));
