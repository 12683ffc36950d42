// Runs inside Thunderbird with the rights of the program itself; see ../test_thunderbird.py.
// Everything goes through the calls behind Thunderbird's own dialogs.
/* global arguments, Cc, Ci, ChromeUtils, Components, Services */

const { cal } = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");
const [name, values, finish] = arguments;

const keyOf = (uri) => uri.filePath.replace(/\/$/, "").split("/").pop();
const known = (key) => cal.manager.getCalendars().find((one) => one.type == "caldav" && keyOf(one.uri) == key);

function parsed(text) {
  const parser = Cc["@mozilla.org/calendar/ics-parser;1"].createInstance(Ci.calIIcsParser);
  parser.parseString(text);
  return parser.getItems()[0];
}

function serialized(item) {
  const serializer = Cc["@mozilla.org/calendar/ics-serializer;1"].createInstance(Ci.calIIcsSerializer);
  serializer.addItems([item]);
  return serializer.serializeToString();
}

// The first call may join a synchronisation that is under way already and saw less than there is now.
async function synchronise(calendar) {
  for (let round = 0; round < 2; round++) {
    await calendar.wrappedJSObject.synchronize();
  }
}

async function modify(key, text) {
  const calendar = known(key);
  const item = parsed(text);
  const before = await calendar.getItem(item.id);
  item.calendar = calendar;
  await calendar.modifyItem(item, before);
}

// Answers the question "changed on the server: overwrite?" by its Cancel button, once.
function declineOverwriting() {
  let asked = 0;
  const observer = {
    observe(window, topic) {
      if (topic != "domwindowopened") return;
      window.addEventListener("load", () => {
        if (!window.location.href.includes("calendar-conflicts-dialog")) return;
        asked++;
        window.setTimeout(() => window.document.querySelector("dialog").getButton("cancel").click());
      }, { once: true });
    },
  };
  Services.ww.registerNotification(observer);
  return () => {
    Services.ww.unregisterNotification(observer);
    return asked;
  };
}

const requests = {
  // The user ticks the calendars that can be written; each of the others would be copied whole as well.
  async discover({ url, username, password }) {
    const found = await cal.provider.detection.detect(username, password, url, true, [], {});
    const calendars = [...found.values()].flat();
    for (const calendar of calendars.filter((one) => !one.readOnly)) {
      calendar.setProperty("cache.enabled", true);
      cal.manager.registerCalendar(calendar);
    }
    return calendars.map((one) => keyOf(one.uri));
  },

  async inUse() {
    return cal.manager.getCalendars().filter((one) => one.type == "caldav").map((one) => keyOf(one.uri));
  },

  async pull({ calendar }) {
    await synchronise(known(calendar));
    const filter = Ci.calICalendar.ITEM_FILTER_ALL_ITEMS;
    const items = await known(calendar).getItemsAsArray(filter, 0, null, null);
    return Object.fromEntries(items.map((item) => [item.id, serialized(item)]));
  },

  async shown({ calendar, uid }) {
    await synchronise(known(calendar));
    const item = await known(calendar).getItem(uid);
    return item ? serialized(item) : null;
  },

  async create({ calendar, text }) {
    await known(calendar).addItem(parsed(text));
  },

  async edit({ calendar, text }) {
    await modify(calendar, text);
  },

  async editStale({ calendar, text }) {
    const timesAsked = declineOverwriting();
    try {
      await modify(calendar, text);
    } finally {
      if (timesAsked() != 1) throw new Error("Thunderbird did not ask what to do");
    }
  },

  async move({ uid, source, target }) {
    const item = await known(source).getItem(uid);
    const copy = item.clone();
    copy.calendar = known(target);
    await known(target).addItem(copy);
    await known(source).deleteItem(item);
  },

  async delete({ calendar, uid }) {
    await known(calendar).deleteItem(await known(calendar).getItem(uid));
  },
};

requests[name](values).then(
  (result) => finish({ result: result ?? null }),
  (error) => finish({ error: `${error} ${error?.stack ?? ""}` }),
);
