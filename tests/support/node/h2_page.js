// What a page in headless Chromium hears over WebSockets: node h2_page.js URL PATH...
//
// Prints a line of JSON: what each socket at a path of the page's server received first, having sent "hello".
const { chromium } = require("playwright-core");

const [url, ...paths] = process.argv.slice(2);

const hear = (path) => new Promise((resolve, reject) => {
  const socket = new WebSocket(new URL(path, location.href).href.replace("https:", "wss:"));
  socket.onopen = () => socket.send("hello");
  socket.onmessage = ({ data }) => {
    socket.onclose = () => resolve(data);
    socket.close(1000);
  };
  socket.onclose = ({ code }) => reject(new Error(`${path}: closed with ${code}`));
});

async function main() {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.goto(url);
  const heard = [];
  for (const path of paths) heard.push(await page.evaluate(hear, path));
  console.log(JSON.stringify(heard));
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
