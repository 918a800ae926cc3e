// Sends as many events as asked through Segment's client for Node: address, key, tag, count.
import { createRequire } from "node:module";
const { Analytics } = createRequire(process.env.NODE_FOLDER + "/")("@segment/analytics-node");
const [address, writeKey, tag, count] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host: address, maxEventsInBatch: 7 });
analytics.identify({ userId: tag, traits: { email: `${tag}@example.org` }, messageId: `${tag}-identify` });
analytics.page({ userId: tag, name: "Home", messageId: `${tag}-page` });
analytics.group({ userId: tag, groupId: "choir", messageId: `${tag}-group` });
analytics.alias({ userId: tag, previousId: `${tag}-before`, messageId: `${tag}-alias` });
for (let number = 0; number < Number(count); number++) {
  analytics.track({
    userId: tag, event: "Order Completed", messageId: `${tag}-${number}`,
    timestamp: new Date("2026-06-05T20:00:00Z"), properties: { order_id: `o${number}`, revenue: 25, currency: "EUR" },
  });
}
await analytics.closeAndFlush({ timeout: 20000 });
