"use strict";

const CHART_SECONDS = 300;
const GAP_SECONDS = 5;  // a chart's line is broken where nothing came for longer
const SILENCE_MS = 10000;  // the server sends once a second
const MAX_DELAY_SECONDS = 10;
const MORE_SESSIONS = 1000;
const CONFIRM_MS = 3000;
const DOUBLE_CLICK_MS = 300;
const HOLD_MS = 4000;  // longer than CONFIRM_MS
const NOTICE_MS = 6000;

const CLOSE_NAMES = {
  1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data", 1005: "no status received",
  1006: "abnormal closure", 1007: "invalid payload data", 1008: "policy violation", 1009: "message too big",
  1010: "mandatory extension missing", 1011: "internal error", 1012: "service restart", 1013: "try again later", 1014: "bad gateway",
};

const $ = (id) => document.getElementById(id);

function element(tag, className = "", ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

// Keeps what is as it should be: a selection in it survives.
function set(node, text, title = "") {
  if (node.textContent !== text) node.textContent = text;
  if (node.title !== title) node.title = title;
}

// ---- Numbers ----

function scaled(value, units) {
  if (!Number.isFinite(value)) return "-";
  let step = 0;
  while (Math.round(value) >= 1000 && step < units.length - 1) {
    value /= 1000;
    ++step;
  }
  return Number(value.toFixed(value < 9.95 ? 1 : 0)) + units[step];
}

const count = (value) => scaled(value, ["", "k", "M", "G", "T"]);
const bytes = (value) => scaled(value, [" B", " kB", " MB", " GB", " TB"]);
const perSecond = (format) => (value) => Number.isFinite(value) ? format(value) + "/s" : "-";
const digits = new Intl.NumberFormat("en", {maximumFractionDigits: 3});
const exact = (value) => Number.isFinite(value) ? digits.format(value) : "";
const exactBytes = (value) => exact(value) + " bytes";

function duration(seconds) {
  if (!Number.isFinite(seconds)) return "-";
  if (seconds > 0 && seconds < 1) return Math.round(seconds * 1000) + " ms";
  if (seconds < 60) return Number(seconds.toFixed(seconds < 10 ? 1 : 0)) + " s";
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
  if (hours === 0) return minutes + " min " + Math.floor(seconds % 60) + " s";
  if (hours < 24) return hours + " h " + minutes % 60 + " min";
  return Math.floor(hours / 24) + " d " + hours % 24 + " h";
}

const age = (seconds) => duration(Math.floor(seconds));
const sum = (list, value) => list.reduce((total, item) => total + value(item), 0);
const listed = (pairs) => pairs.map(([name, value]) => name + ": " + exact(value)).join("\n");

// ---- Rates and sums ----

const COUNTERS = {
  opened: (series) => series.begun,
  messages_in: (series) => series.client.received_messages,
  messages_out: (series) => series.client.sent_messages,
  bytes_in: (series) => series.client.received_bytes,
  bytes_out: (series) => series.client.sent_bytes,
};

const GROUPINGS = {series: ["server", "location", "backend"], location: ["server", "location"], backend: ["backend"]};

const keyOf = (series, grouping = "series") => JSON.stringify(GROUPINGS[grouping].map((name) => series[name]));
const queuedBytes = (series) => series.client.queued_bytes + series.backend_side.queued_bytes;

// Gives each series its rates since `before`, the report that came before; NaN when there is none.
function addRates(report, before) {
  const isNext = before && before.started === report.started && report.now > before.now;
  const seconds = isNext ? report.now - before.now : NaN;
  const old = new Map(before ? before.series.map((series) => [keyOf(series), series]) : []);
  for (const series of report.series) {
    const past = old.get(keyOf(series));
    series.rates = {};
    for (const [name, counter] of Object.entries(COUNTERS)) {
      series.rates[name] = Math.max(0, counter(series) - (past ? counter(past) : 0)) / seconds;
    }
  }
}

function addTo(total, part) {
  for (const [name, value] of Object.entries(part)) {
    if (typeof value === "number") total[name] = (total[name] ?? 0) + value;
    else if (typeof value === "object") addTo(total[name] ??= {}, value);
    else total[name] = (total[name] ?? value) === value ? value : "several";
  }
}

function grouped(list) {
  const groups = new Map();
  for (const series of list) {
    const key = keyOf(series, $("grouping").value);
    if (!groups.has(key)) groups.set(key, {});
    addTo(groups.get(key), series);
  }
  return groups;
}

// What the charts keep of a report.
function sample(report) {
  const {now, series, processes} = report;
  const kept = {now, sessions: sum(series, ({sessions}) => sessions), queued: sum(series, queuedBytes)};
  kept.memory = sum(processes, ({memory_bytes}) => memory_bytes);
  for (const name of Object.keys(COUNTERS)) kept[name] = sum(series, ({rates}) => rates[name]);
  return kept;
}

// ---- Charts ----

const CHARTS = [
  {title: "Sessions", axis: count, lines: [["open", "sessions", count]], others: [["opened", "opened", perSecond(count)]]},
  {title: "Messages per second", axis: count,
    lines: [["in", "messages_in", perSecond(count)], ["out", "messages_out", perSecond(count)]]},
  {title: "Bytes per second", axis: bytes,
    lines: [["in", "bytes_in", perSecond(bytes)], ["out", "bytes_out", perSecond(bytes)]]},
  {title: "Memory", axis: bytes, lines: [["all processes", "memory", bytes]], others: [["queued", "queued", bytes]]},
];

// The end of a scale whose half is a round number, too.
function scaleEnd(most) {
  if (!(most > 2)) return 2;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 6, 8, 10].find((step) => step * unit >= most) * unit;
}

function svg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

class Chart {
  constructor({title, axis, lines, others = []}) {
    const list = element("dl", "figures");
    this.title = title;
    this.axis = axis;
    this.figures = [...lines.map((line, i) => this.figure(list, line, i)), ...others.map((other) => this.figure(list, other))];
    this.lines = lines.map(([, name], i) => ({
      name, area: svg("path", {class: "area line-" + i}), stroke: svg("path", {class: "stroke line-" + i})}));
    this.scale = ["", "", ""].map(() => element("span"));
    this.picture = svg("svg", {viewBox: "0 0 300 100", preserveAspectRatio: "none", role: "img"});
    this.picture.append(svg("path", {d: "M0 0H300M0 50H300M0 100H300"}), ...this.lines.flatMap(({area, stroke}) => [area, stroke]));
    this.card = element("div", "panel", element("h2", "", title), list, this.plot());
  }

  figure(list, [label, name, format], line) {
    const term = element("dt", "", label), value = element("dd", "", "-");
    if (line !== undefined) term.prepend(element("i", "line-" + line));
    value.dataset.figure = name;
    list.append(element("div", "", term, value));
    return {label, name, format, value};
  }

  plot() {
    const span = element("div", "span", element("span", "", "5 min ago"), element("span", "", "now"));
    return element("div", "plot", element("div", "scale", ...this.scale), this.picture, span);
  }

  draw(history) {
    const last = history[history.length - 1];
    for (const {name, format, value} of this.figures) set(value, format(last[name]), exact(last[name]));
    const values = history.flatMap((point) => this.lines.map(({name}) => point[name]));
    const end = scaleEnd(Math.max(...values.filter(Number.isFinite)));
    [end, end / 2, 0].forEach((value, i) => set(this.scale[i], this.axis(value)));
    for (const line of this.lines) this.drawLine(line, history, last.now, end);
    this.picture.setAttribute("aria-label", this.title + ", the last 5 minutes: " +
        this.figures.map(({label, name, format}) => label + " " + format(last[name])).join(", "));
  }

  drawLine({name, area, stroke}, history, now, end) {
    const runs = [];
    let before = null;
    for (const point of history) {
      if (!Number.isFinite(point[name])) continue;
      if (!before || point.now - before.now > GAP_SECONDS) runs.push([]);
      const x = 300 * (1 - (now - point.now) / CHART_SECONDS), y = 100 * (1 - point[name] / end);
      runs[runs.length - 1].push(x.toFixed(1) + " " + y.toFixed(1));
      before = point;
    }
    const down = (point) => "L" + point.split(" ")[0] + " 100";
    const paths = runs.map((run) => "M" + run.join("L"));
    stroke.setAttribute("d", paths.join(""));
    area.setAttribute("d", paths.map((path, i) => path + down(runs[i][runs[i].length - 1]) + down(runs[i][0]) + "Z").join(""));
  }
}
