"use strict";

// One line per location of the server. An optional "protocols" list is offered
// as subprotocols, and "query" gives what follows the path. Where messages are
// not answered one by one, "answers" is false.
const LOCATIONS = [
  {path: "/echo", title: "Echo handler", text: "a C++ coroutine inside httpd answers"},
  {path: "/relay", title: "Relay", text: "httpd relays to a backend: here the echo handler of this same server"},
  {path: "/chat", title: "Chat", text: "a room for everybody, in all children of the server; open a second tab",
    query: () => "?name=" + encodeURIComponent($("name").value), answers: false},
  {path: "/filewatch", title: "File watch", text: "sends the server's access log when it has changed", answers: false},
  {path: "/command", title: "Command", text: "a shell loop that says the time and your line", answers: false},
  {path: "/client", title: "Client", text: "a handler that dials a server, and sends it the time once a second", answers: false},
];

const MAX_LOG_LINES = 500;
const MAX_TEXT_SHOWN = 400;  // characters
const MAX_BYTES_SHOWN = 24;
const BURST = 100;
const RTT_WINDOW = 100;

const CLOSE_NAMES = {
  1000: "normal closure",
  1001: "going away",
  1002: "protocol error",
  1003: "unsupported data",
  1005: "no status received",
  1006: "abnormal closure",
  1007: "invalid payload data",
  1008: "policy violation",
  1009: "message too big",
  1010: "mandatory extension missing",
  1011: "internal error",
  1012: "service restart",
  1013: "try again later",
  1014: "bad gateway",
  1015: "TLS handshake failure",
};

const $ = (id) => document.getElementById(id);

// The connection shown: {socket, target, opened, aborted, waiting, times}. Events of an
// earlier one are ignored.
let current = null;

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// ---- Connection ----

function connect(target) {
  if (current && current.socket.readyState < WebSocket.CLOSING) {
    current.socket.close(1000);
    logInfo("closed " + current.socket.url + " for a new connection");
  }
  current = null;

  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const url = scheme + "//" + location.host + target.path + (target.query ? target.query() : "");
  for (const card of $("locations").children) {
    card.classList.toggle("active", card.dataset.path === target.path);
  }
  $("url").textContent = url;
  for (const id of ["protocol", "extensions", "rtt", "close-info"]) $(id).textContent = "-";
  $("help").hidden = true;

  let socket;
  try {
    socket = new WebSocket(url, target.protocols || []);
  } catch (error) {
    showState("closed", true);
    logInfo("cannot connect to " + url + ": " + error.message);
    showHelp(url);
    return;
  }
  socket.binaryType = "arraybuffer";

  const connection = {socket, target, opened: false, aborted: false, waiting: [], times: []};
  current = connection;
  showState("connecting");
  logInfo("connecting to " + url);

  const on = (type, action) => socket.addEventListener(type, (event) => {
    if (connection === current) action(event);
  });
  on("open", () => {
    connection.opened = true;
    $("protocol").textContent = socket.protocol || "none";
    $("extensions").textContent = socket.extensions || "none";
    showState("open");
    logInfo("open");
  });
  on("message", (event) => {
    showRoundTrip(connection);
    logMessage("received", event.data);
  });
  on("close", (event) => showClose(connection, event));
}

function showState(state, failed) {
  $("state").textContent = state;
  $("state").className = failed ? "failed" : state;
  for (const id of ["send", "burst", "file"]) $(id).disabled = state !== "open";
  $("close").disabled = state !== "open" && state !== "connecting";
}

function closeName(code) {
  if (CLOSE_NAMES[code]) return CLOSE_NAMES[code];
  if (code >= 4000) return "private use";
  if (code >= 3000) return "registered use";
  return "unknown";
}

function showClose(connection, event) {
  const text = event.code + " " + closeName(event.code) +
      ", reason: " + (event.reason ? '"' + event.reason + '"' : "none") +
      ", wasClean: " + event.wasClean;
  $("close-info").textContent = text;
  showState("closed", !event.wasClean && !connection.aborted);
  logInfo("closed: " + text);
  if (!connection.opened && !connection.aborted) showHelp(connection.socket.url);
  else if (connection.opened && event.code === 1006) showLost();
}

function close(code, reason) {
  const connecting = current.socket.readyState === WebSocket.CONNECTING;
  try {
    current.socket.close(code, reason);
  } catch {
    fillHelp("Not closed: the browser refuses this code or reason.", [
      "A page may use code 1000 or 3000 to 4999.",
      "The reason may have at most 123 bytes in UTF-8.",
    ]);
    return;
  }
  current.aborted = connecting;
  $("help").hidden = true;
  showState("closing");
}

// ---- Explanations ----

function fillHelp(title, items) {
  const list = element("ul");
  for (const item of items) list.append(element("li", "", item));
  $("help").replaceChildren(element("strong", "", title), list);
  $("help").hidden = false;
}

function showHelp(url) {
  const items = [
    "Does httpd run? Reload this page to see whether it still answers.",
    "The server's error log (ErrorLog in the httpd configuration) says why it refused a " +
        "connection.",
    "The Network tab of the browser's developer tools shows the HTTP status. 403: access " +
        "refused. 404: no such location. 502 or 504: httpd did not reach the backend.",
  ];
  if (url.startsWith("wss:")) {
    items.push("The browser has to trust the certificate. It shows no warning for wss; open " +
        "this page over https and accept the certificate there.");
  }
  if (location.protocol === "file:") {
    items.unshift("This page was opened from a file. Open it from the server, over http or https.");
  }
  fillHelp("No connection. Browsers do not tell a page the cause. What to check:", items);
}

function showLost() {
  fillHelp("The connection ended without a close frame. What to check:", [
    "Has httpd been stopped, or the network been interrupted?",
    "The server's error log says when and why it dropped a connection.",
  ]);
}

// ---- Sending and round-trip times ----

function send(data) {
  if (current.target.answers !== false) current.waiting.push(performance.now());
  current.socket.send(data);
  logMessage("sent", data);
}

// Messages come back in order, so the one received answers the oldest sent.
function showRoundTrip({waiting, times}) {
  if (waiting.length === 0) return;
  times.push(performance.now() - waiting.shift());
  if (times.length > RTT_WINDOW) times.shift();
  const sorted = times.slice().sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  $("rtt").textContent = "last " + times[times.length - 1].toFixed(1) + " ms, median " +
      median.toFixed(1) + " ms of the last " + times.length;
}

async function sendFile(file) {
  const connection = current;
  let data;
  try {
    data = await file.arrayBuffer();
  } catch (error) {
    logInfo("cannot read " + file.name + ": " + error.message);
    return;
  }
  if (connection === current && connection.socket.readyState === WebSocket.OPEN) send(data);
  else logInfo("not sent, the connection is closed: " + file.name);
}

// ---- Log ----

let received = 0;  // binary messages, to name the downloads
let scrollPlanned = false;

function addLine(line) {
  const log = $("log");
  // Follow the newest line unless the reader has scrolled up.
  if (!scrollPlanned && log.scrollHeight - log.scrollTop - log.clientHeight < 20) {
    scrollPlanned = true;
    requestAnimationFrame(() => {
      scrollPlanned = false;
      log.scrollTop = log.scrollHeight;
    });
  }
  log.append(line);
  while (log.childElementCount > MAX_LOG_LINES) dropLine(log.firstElementChild);
}

function dropLine(line) {
  const link = line.querySelector("a");
  if (link) URL.revokeObjectURL(link.href);
  line.remove();
}

function newLine(direction) {
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  const time = two(now.getHours()) + ":" + two(now.getMinutes()) + ":" + two(now.getSeconds()) +
      "." + String(now.getMilliseconds()).padStart(3, "0");
  const line = element("div", "entry " + direction);
  line.append(element("span", "time", time), element("span", "direction", direction));
  return line;
}

function logInfo(text) {
  const line = newLine("info");
  line.append(element("span", "body", text));
  addLine(line);
}

function logMessage(direction, data) {
  const isText = typeof data === "string";
  const size = isText ? new TextEncoder().encode(data).length : data.byteLength;
  const body = element("span", "body", isText ? textPreview(data) : hexPreview(data));
  if (!isText && direction === "received") {
    const link = element("a", "", "download");
    link.href = URL.createObjectURL(new Blob([data]));
    link.download = "message-" + (++received) + ".bin";
    body.append(" ", link);
  }
  const line = newLine(direction);
  line.append(element("span", "type", isText ? "text" : "binary"),
      element("span", "size", size + " B"), body);
  addLine(line);
}

function textPreview(text) {
  if (text.length <= MAX_TEXT_SHOWN) return text;
  return text.slice(0, MAX_TEXT_SHOWN) + " ... (" + (text.length - MAX_TEXT_SHOWN) + " more)";
}

function hexPreview(buffer) {
  const bytes = new Uint8Array(buffer, 0, Math.min(buffer.byteLength, MAX_BYTES_SHOWN));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return hex + (buffer.byteLength > MAX_BYTES_SHOWN ? " ..." : "");
}

// ---- Page ----

for (const target of LOCATIONS) {
  const card = element("article", "card");
  card.dataset.path = target.path;
  const heading = element("h2", "", target.title);
  heading.append(" ", element("code", "", target.path));
  const button = element("button", "primary", "Connect");
  button.id = "connect-" + target.path.slice(1).replace(/\W+/g, "-");
  button.type = "button";
  button.setAttribute("aria-label", "Connect to " + target.title);
  button.addEventListener("click", () => connect(target));
  card.append(heading, element("p", "", target.text), button);
  $("locations").append(card);
}

$("send-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("send").disabled) return;
  send($("text").value);
  $("text").select();  // Enter repeats it, typing replaces it
});

$("burst").addEventListener("click", () => {
  for (let i = 1; i <= BURST; i++) send("message " + i + " of " + BURST);
});

$("file").addEventListener("change", () => {
  const file = $("file").files[0];
  if (file) sendFile(file);
  $("file").value = "";  // so that the same file can be chosen again
});

$("close-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("close").disabled) close(Number($("close-code").value), $("close-reason").value);
});

$("clear-log").addEventListener("click", () => {
  while ($("log").firstElementChild) dropLine($("log").firstElementChild);
});
