// ---- Tables ----

// A column: {head, value: what to sort by, show: the text, title: what the text leaves out}, or {make} for a cell that stays.
const textColumn = (head, name, more) =>
  ({head, value: (row) => row[name], show: (row) => row[name] || "-", title: (row) => row[name], ...more});
const numberColumn = (head, value, format = count, title = (row) => exact(value(row))) =>
  ({head, value, show: (row) => format(value(row)), title, className: "numeric"});

const collator = new Intl.Collator("en", {numeric: true});
function compare(a, b) {
  if (typeof a === "string") return collator.compare(a, b);
  return (Number.isFinite(a) ? a : -1) - (Number.isFinite(b) ? b : -1);
}

// A table whose rows have keys, and are updated in place.
class KeyedTable {
  constructor(table, columns, sortedBy, direction = 1) {
    this.columns = columns;
    this.rows = new Map();  // key: {line, cells, row}
    this.body = element("tbody");
    this.heldUntil = 0;
    this.heads = columns.map((column) => this.headOf(column));
    table.append(element("thead"), this.body);
    table.tHead.insertRow().append(...this.heads);
    this.sortBy(columns.find(({head}) => head === sortedBy), direction);
    this.holdWhileUsed();
  }

  headOf(column) {
    const button = element("button", "", column.head || "");
    button.addEventListener("click", () => {
      const first = column.className === "numeric" ? -1 : 1;
      this.sortBy(column, this.sorted === column ? -this.direction : first);
    });
    const head = element("th", column.className, column.make ? "" : button);
    head.scope = "col";
    return head;
  }

  // No row moves under a pointer that is about to click, or under the keyboard's focus.
  holdWhileUsed() {
    for (const type of ["pointermove", "pointerdown", "keydown"]) {
      this.body.addEventListener(type, () => { this.heldUntil = performance.now() + HOLD_MS; });
    }
    this.body.addEventListener("pointerleave", () => { this.heldUntil = 0; });
  }

  sortBy(column, direction) {
    this.sorted = column;
    this.direction = direction;
    this.columns.forEach((each, i) => {
      if (each === column) this.heads[i].setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else this.heads[i].removeAttribute("aria-sort");
    });
    this.place([...this.rows.values()]);
  }

  // `entries`: a Map of rows by key. While the table is held, rows stay where they are, those that
  // went too, and new ones come last.
  show(entries) {
    const isHeld = performance.now() < this.heldUntil;
    for (const [key, known] of this.rows) {
      const isGone = !entries.has(key);
      known.line.classList.toggle("gone", isGone);
      if (!isGone || isHeld) continue;
      known.line.remove();
      this.rows.delete(key);
    }
    for (const [key, row] of entries) this.update(key, row);
    if (!isHeld) this.place([...this.rows.values()]);
  }

  update(key, row) {
    let known = this.rows.get(key);
    if (!known) this.rows.set(key, known = this.newLine(key, row));
    known.row = row;
    this.columns.forEach(({make, show, title}, i) => { if (!make) set(known.cells[i], show(row), title(row)); });
  }

  newLine(key, row) {
    const cells = this.columns.map((column) => {
      const cell = element(column.isRowHead ? "th" : "td", column.className, column.make ? column.make(row) : "");
      if (column.isRowHead) cell.scope = "row";
      return cell;
    });
    const line = element("tr", "", ...cells);
    line.dataset.key = key;
    this.body.append(line);
    return {line, cells, row};
  }

  // Touches only lines that are out of place, and keeps the focus in those that move.
  place(rows) {
    const {value} = this.sorted, focused = document.activeElement;
    rows.sort((a, b) => this.direction * compare(value(a.row), value(b.row)));
    let next = this.body.firstChild;
    for (const {line} of rows) {
      if (line === next) next = next.nextSibling;
      else this.body.insertBefore(line, next);
    }
    if (focused !== document.activeElement && focused.isConnected) focused.focus({preventScroll: true});
  }
}

// ---- Columns ----

const rateColumn = (head, name, format) => numberColumn(head, (series) => series.rates[name], format,
    (series) => exact(series.rates[name]) + " per second, " + exact(COUNTERS[name](series)) + " in all");

const counted = (numbers) => Object.entries(numbers).filter(([, number]) => number > 0);
const refusals = ({upgrades}) => counted(upgrades).filter(([status]) => status !== "101");
const meanUpgrade = ({upgrades, upgrade_seconds}) => upgrade_seconds / sum(Object.values(upgrades), (number) => number);

const ratio = ({plain_bytes, compressed_bytes}) => plain_bytes / compressed_bytes;
const ratioText = (side) => Number.isFinite(ratio(side)) ? ratio(side).toFixed(1) + ":1" : "-";
const ratioTitle = (name, side) => name + ": " + exact(side.compressed_bytes) + " bytes for " + exact(side.plain_bytes);

function closesText({closes}) {
  const sides = Object.entries(closes).map(([side, codes]) => [side, counted(codes).map(([code, number]) => code + ": " + count(number))]);
  return sides.filter(([, codes]) => codes.length > 0).map(([side, codes]) => side + " " + codes.join(", ")).join("; ") || "-";
}

function closesTitle({closes}) {
  const named = (side) => ([code, number]) => [[side, code, CLOSE_NAMES[code]].filter(Boolean).join(" "), number];
  return listed(Object.entries(closes).flatMap(([side, codes]) => counted(codes).map(named(side))));
}

const seriesTable = new KeyedTable($("series"), [
  textColumn("Server", "server"),
  textColumn("Location", "location", {isRowHead: true}),
  textColumn("Backend", "backend"),
  numberColumn("Sessions", (series) => series.sessions),
  numberColumn("Opened", (series) => series.begun, count, (series) => exact(series.begun) + ", " + exact(series.rates.opened) +
      " per second; an upgrade took " + duration(meanUpgrade(series)) + " on average"),
  rateColumn("Messages/s in", "messages_in", count),
  rateColumn("Messages/s out", "messages_out", count),
  rateColumn("Bytes/s in", "bytes_in", bytes),
  rateColumn("Bytes/s out", "bytes_out", bytes),
  numberColumn("Queued", queuedBytes, bytes, ({client, backend_side}) =>
    listed([["bytes to clients", client.queued_bytes], ["bytes to the backend", backend_side.queued_bytes]])),
  numberColumn("Dropped", (series) => series.dropped_messages),
  {...numberColumn("Compression in, out", ({deflated}) => ratio(deflated)),
    show: ({inflated, deflated}) => [inflated, deflated].map(ratioText).join(", ").replace("-, -", "-"),
    title: ({inflated, deflated}) => ratioTitle("in", inflated) + "\n" + ratioTitle("out", deflated)},
  numberColumn("Refused", (series) => sum(refusals(series), ([, number]) => number), count, (series) => listed(refusals(series))),
  {head: "Closes by side and code", value: ({ended}) => ended, show: closesText, title: closesTitle},
  numberColumn("Mean duration", ({duration_seconds, timed}) => duration_seconds / timed, duration,
    ({duration_seconds, timed}) => exact(duration_seconds) + " seconds in " + exact(timed) + " sessions"),
], "Location");

const timeOf = (seconds) => new Date(seconds * 1000).toLocaleString("sv");  // 2026-11-21 16:09:13

const processTable = new KeyedTable($("processes"), [
  {...textColumn("Process", "pid", {isRowHead: true}), show: ({pid}) => String(pid), title: () => ""},
  textColumn("Role", "role"),
  numberColumn("Started", ({started}) => started, timeOf, ({started}) => age(report.now - started) + " ago"),
  numberColumn("Sessions", ({sessions}) => sessions),
  numberColumn("Memory", ({memory_bytes}) => memory_bytes, bytes, ({memory_bytes}) => exactBytes(memory_bytes)),
], "Process");

const sessionTable = new KeyedTable($("sessions"), [
  textColumn("Id", "id", {isRowHead: true}),
  textColumn("Client", "client"),
  textColumn("User", "user"),
  {...textColumn("Location", "location"), title: ({server, location}) => location + " of " + server},
  textColumn("Backend", "backend"),
  textColumn("URI", "uri"),
  textColumn("Subprotocol", "subprotocol"),
  numberColumn("Age", ({age_seconds}) => age_seconds, age, ({age_seconds}) => exact(age_seconds) + " seconds"),
  numberColumn("Messages in", ({messages_in}) => messages_in),
  numberColumn("Messages out", ({messages_out}) => messages_out),
  numberColumn("Bytes in", ({bytes_in}) => bytes_in, bytes, ({bytes_in}) => exactBytes(bytes_in)),
  numberColumn("Bytes out", ({bytes_out}) => bytes_out, bytes, ({bytes_out}) => exactBytes(bytes_out)),
  numberColumn("Process", ({pid}) => pid, String, () => ""),
  {make: ({id}) => closeButton(id), className: "action"},
], "Age", -1);

function closeButton(id) {
  const button = element("button");
  let timer = 0, armedAt = 0;
  const become = (text, label, className, next, delay) => {
    clearTimeout(timer);
    button.textContent = text;
    button.className = className;
    button.setAttribute("aria-label", label + " session " + id);
    if (next) timer = setTimeout(next, delay);
  };
  const rest = () => become("Close", "Close", "");
  button.addEventListener("click", (event) => {
    if (button.className === "") {
      armedAt = event.timeStamp;
      become("Confirm", "Confirm to close", "armed", rest, CONFIRM_MS);
    } else if (button.className === "armed" && event.timeStamp - armedAt > DOUBLE_CLICK_MS) {
      send({close: id});
      become("Closing", "Closing", "sent", rest, NOTICE_MS);
    }
  });
  rest();
  return button;
}

// ---- Showing a report ----

const charts = CHARTS.map((chart) => new Chart(chart));
$("charts").append(...charts.map(({card}) => card));

let report = null;
let samples = [];

function matches(session, words) {
  const text = Object.values(session).join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

const filterWords = () => $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);

// The server looks through all sessions for the longest word, and the page through its answer for the others.
function sendFilter() {
  const [longest = ""] = filterWords().sort((one, other) => other.length - one.length);
  if (socket?.readyState === WebSocket.OPEN) send({filter: longest});
}

function showSessions() {
  const words = filterWords();
  const shown = report.sessions.filter((session) => matches(session, words));
  sessionTable.show(new Map(shown.map((session) => [session.id, session])));
  const known = report.sessions.length, total = report.sessions_total;
  set($("shown"), exact(shown.length) + " of " + exact(total) + " shown");
  $("more").hidden = wanted > 0 || known >= total;
  $("sessions").classList.toggle("may-close", report.may_close);
}

function showReport() {
  if (!report || document.hidden) return;
  const {now, started, viewer, processes} = report, {sessions} = samples[samples.length - 1];
  document.title = count(sessions) + (sessions === 1 ? " session" : " sessions") + " - mod_ws status";
  set($("about"), location.host + ", up " + age(now - started) + (viewer ? ", seen by " + viewer : ""), "since " + timeOf(started));
  set($("as-of"), "as of " + timeOf(now));
  for (const chart of charts) chart.draw(samples);
  seriesTable.show(grouped(report.series));
  processTable.show(new Map(processes.map((process) => [String(process.pid), process])));
  showSessions();
}

function receiveReport(next) {
  addRates(next, report);
  report = next;
  samples = samples.filter(({now}) => now > next.now - CHART_SECONDS);
  samples.push(sample(next));
  showReport();
}

let noticeTimer = 0;

function showNotice(text) {
  clearTimeout(noticeTimer);
  $("notice").textContent = text;
  noticeTimer = setTimeout(() => { $("notice").textContent = ""; }, NOTICE_MS);
}

// ---- Connection ----

let socket = null;  // events of an earlier one are ignored
let failures = 0;
let silenceTimer = 0;
let wanted = 0;  // sessions to ask for; 0 leaves it to the server

function send(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  else showNotice("Not sent: there is no connection.");
}

function showState(name, text, countdown = "") {
  $("connection").className = name;
  set($("state"), text);
  set($("countdown"), countdown);
  document.body.classList.toggle("stale", name !== "live");
}

function connect() {
  const mine = socket = new WebSocket(location.origin.replace(/^http/, "ws") + location.pathname);
  const on = (type, action) => mine.addEventListener(type, (event) => {
    if (mine === socket) action(event);
  });
  on("open", () => {
    if (wanted > 0) send({sessions: wanted});
    sendFilter();
  });
  on("message", (event) => receive(JSON.parse(event.data)));
  on("close", lose);
  watch();
}

// A connection can die without a word.
function watch() {
  clearTimeout(silenceTimer);
  silenceTimer = setTimeout(lose, SILENCE_MS);
}

function lose() {
  clearTimeout(silenceTimer);
  socket.close();
  socket = null;
  waitToConnect(Math.min(2 ** failures++, MAX_DELAY_SECONDS));
}

// The seconds are not part of the live region: nobody wants them read out.
function waitToConnect(seconds) {
  showState("lost", (report ? "connection lost" : "no connection") + ", trying again", seconds > 0 ? " in " + seconds + " s" : " now");
  if (seconds === 0) connect();
  else setTimeout(() => waitToConnect(seconds - 1), 1000);
}

function receive(message) {
  watch();
  if (message.refused !== undefined) return showNotice("Refused: " + message.refused);
  if (message.closed !== undefined) return showNotice("Session " + message.closed + " is being closed.");
  failures = 0;
  receiveReport(message);
  showState("live", "live");
}

$("more").addEventListener("click", () => {
  wanted = MORE_SESSIONS;
  send({sessions: wanted});
});
$("filter").addEventListener("input", sendFilter);
for (const [control, table] of [[$("filter"), sessionTable], [$("grouping"), seriesTable]]) {
  control.addEventListener("input", () => {
    table.heldUntil = 0;
    showReport();
  });
}
document.addEventListener("visibilitychange", showReport);
connect();
