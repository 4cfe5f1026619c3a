// Sends messages to an echo server, checks what comes back, and prints one line of JSON.
// ws_echo_client.js [--insecure] [--type text|binary] [--messages N] [--sizes 0,5,70000]
//                   [--close CODE] [--timeout SECONDS] URL
'use strict';

const { parseArgs } = require('node:util');
const WebSocket = require('ws');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    insecure: { type: 'boolean', default: false },
    type: { type: 'string', default: 'text' },
    messages: { type: 'string', default: '1' },
    sizes: { type: 'string', default: '5' },
    close: { type: 'string', default: '1000' },
    timeout: { type: 'string', default: '30' },
  },
});

const url = positionals[0];
const isBinary = values.type === 'binary';
const sizes = values.sizes.split(',').map(Number);
const count = Number(values.messages);
const closeCode = Number(values.close);
const result = { messages: 0, bytes: 0 };

function fail(message) {
  console.error(`ws_echo_client: ${message}`);
  process.exit(1);
}

// The sizes are taken in turn.
function message(index) {
  const size = sizes[index % sizes.length];
  const first = isBinary ? 0 : 0x20;
  const range = isBinary ? 256 : 0x5f;
  return Buffer.from({ length: size }, (_, i) => first + ((i + index) % range));
}

function sendNext(ws) {
  if (result.messages === count) {
    ws.close(closeCode, 'done');
  } else {
    ws.send(message(result.messages), { binary: isBinary });
  }
}

function checkEcho(data, binary) {
  const index = result.messages;
  if (binary !== isBinary) fail(`message ${index} came back as the other type`);
  if (!data.equals(message(index))) fail(`message ${index} came back changed`);
  result.messages += 1;
  result.bytes += data.length;
}

function finish(code, reason) {
  if (result.messages !== count) fail(`closed with ${code} after ${result.messages} messages`);
  if (code !== closeCode) fail(`closed with ${code} instead of ${closeCode}`);
  console.log(JSON.stringify({ ...result, close: { code, reason: reason.toString() } }));
  process.exit(0);
}

if (!url) fail('which URL?');
setTimeout(() => fail('timed out'), 1000 * Number(values.timeout));
const ws = new WebSocket(url, { rejectUnauthorized: !values.insecure });
ws.on('open', () => sendNext(ws));
ws.on('message', (data, binary) => {
  checkEcho(data, binary);
  sendNext(ws);
});
ws.on('close', finish);
ws.on('error', (error) => fail(error.message));
