// One HTTP/2 connection for several clients: node h2_client.js PORT
//
// Prints the port that it listens at. Whoever connects there sends a line of JSON, {"path": ..., "headers": {...}}, gets one with the
// answer's status and headers, and from then on the bytes of an extended CONNECT (RFC 8441); with "method", those of an ordinary
// response. The end of either side is that of the other: END_STREAM ends the connection, RST_STREAM and the loss of the HTTP/2
// connection reset it, and the other way round.
const http2 = require("http2");
const net = require("net");

const [port] = process.argv.slice(2);
const authority = `127.0.0.1:${port}`;
const connection = http2.connect(`https://${authority}`, { rejectUnauthorized: false });
connection.on("error", (error) => console.error(error.message));
connection.on("close", () => server.listening || process.exit(1));

const connectHeaders = { ":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", "sec-websocket-version": "13" };

const taken = new Map();  // by the port of whose stream it is

function serve(client, { path, method, headers, unread, count }) {
  if (count) return client.end(JSON.stringify({ bytes: taken.get(count)() }) + "\n");
  const start = method ? { ":method": method } : connectHeaders;
  const stream = connection.request({ ...start, ":path": path, ":authority": authority, ...headers }, { endStream: Boolean(method) });
  stream.on("response", (answer) => {
    client.write(JSON.stringify({ status: answer[":status"], headers: answer }) + "\n");
    if (!unread) stream.pipe(client, { end: false });
    client.pipe(stream);
  });
  taken.set(client.remotePort, () => client.bytesRead - client.readableLength - stream.writableLength);
  stream.on("error", () => {});  // "close" follows
  // After END_STREAM mod_http2 resets what the client has left open, with NO_ERROR. A lost connection ends its streams too, with CANCEL.
  const finish = () => (stream.rstCode === http2.constants.NGHTTP2_NO_ERROR ? client.end() : client.resetAndDestroy());
  stream.on("end", finish);
  stream.on("close", finish);
  client.on("error", () => stream.close(http2.constants.NGHTTP2_CANCEL));
}

const server = net.createServer({ allowHalfOpen: true }, (client) => {
  let line = "";
  client.on("readable", function read() {
    for (let byte; (byte = client.read(1)) !== null;) {
      if (byte[0] !== 10) {
        line += byte.toString("latin1");
        continue;
      }
      client.off("readable", read);
      return serve(client, JSON.parse(line));
    }
  });
});

connection.on("remoteSettings", (settings) => {
  if (!settings.enableConnectProtocol) throw new Error("no extended CONNECT");
  if (!server.listening) server.listen(0, "127.0.0.1", () => console.log(server.address().port));
});
process.stdin.on("end", () => process.exit()).resume();
