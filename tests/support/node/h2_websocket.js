// Asks for a WebSocket over HTTP/2 (RFC 8441) and prints the answer's status: node h2_websocket.js PORT PATH ORIGIN
const http2 = require("http2");

const [port, path, origin] = process.argv.slice(2);
const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });

function end(text) {
  console.log(text);
  process.exit();
}

session.on("error", (error) => end(`error ${error.message}`));
session.on("remoteSettings", (settings) => {
  if (!settings.enableConnectProtocol) end("no extended CONNECT");
  const stream = session.request({
    ":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":path": path, ":authority": `127.0.0.1:${port}`,
    "sec-websocket-version": "13", origin,
  });
  stream.on("response", (headers) => end(String(headers[":status"])));
  stream.on("error", (error) => end(`error ${error.message}`));
});
