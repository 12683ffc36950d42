// tsdav behind one JSON request a line (see ../agent.py). The library's own objects are kept from one
// synchronisation to the next, as an app would keep them.

import { createInterface } from "node:readline";
import { createDAVClient } from "tsdav";

const [url, username, password] = process.argv.slice(2);
const calendars = new Map();
let client;

const keyOf = (address) => new URL(address, url).pathname.replace(/\/$/, "").split("/").pop();
const uidOf = (text) => (/^UID:(.*)$/m.exec(text.replace(/\r?\n[ \t]/g, "")) ?? ["", ""])[1].trim();

function known(calendar, uid) {
  const object = calendars.get(calendar).objects.find((one) => uidOf(one.data) === uid);
  if (!object) throw new Error("the client does not know that event");
  return object;
}

function succeed(response) {
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response;
}

const requests = {
  async discover() {
    client = await createDAVClient({
      serverUrl: url,
      credentials: { username, password },
      authMethod: "Basic",
      defaultAccountType: "caldav",
    });
    for (const calendar of await client.fetchCalendars()) calendars.set(keyOf(calendar.url), calendar);
    return [...calendars.keys()];
  },

  async pull({ calendar }) {
    const before = calendars.get(calendar);
    if (!before.objects) {
      before.objects = await client.fetchCalendarObjects({ calendar: before });
    } else {
      const after = await client.smartCollectionSync({
        collection: { ...before, objectMultiGet: client.calendarMultiGet },
        method: "webdav",
      });
      calendars.set(calendar, after);
    }
    return requests.kept({ calendar });
  },

  // What the app would show without a network.
  async kept({ calendar }) {
    return Object.fromEntries(calendars.get(calendar).objects.map((one) => [uidOf(one.data), one.data]));
  },

  async shown({ calendar, uid }) {
    return (await requests.pull({ calendar }))[uid] ?? null;
  },

  async create({ calendar, text }) {
    succeed(await client.createCalendarObject({
      calendar: calendars.get(calendar), filename: `${uidOf(text)}.ics`, iCalString: text,
    }));
    await requests.pull({ calendar });
  },

  async edit({ calendar, text }) {
    succeed(await client.updateCalendarObject({
      calendarObject: { ...known(calendar, uidOf(text)), data: text },
    }));
    await requests.pull({ calendar });
  },

  async editStale({ calendar, text }) {
    const response = await client.updateCalendarObject({
      calendarObject: { ...known(calendar, uidOf(text)), data: text },
    });
    if (response.status !== 412) throw new Error(`HTTP ${response.status} instead of 412`);
  },

  async move({ uid, source, target }) {
    const object = known(source, uid);
    succeed(await client.createCalendarObject({
      calendar: calendars.get(target), filename: keyOf(object.url), iCalString: object.data,
    }));
    succeed(await client.deleteCalendarObject({ calendarObject: object }));
  },

  async delete({ calendar, uid }) {
    succeed(await client.deleteCalendarObject({ calendarObject: known(calendar, uid) }));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...values } = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await requests[name](values)) ?? null };
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
