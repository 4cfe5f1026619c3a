// Drives the demo page in headless Chromium: node demo_page.js URL
//
// Prints a line of JSON: what each location answered, and what two chatting tabs have seen. The tabs connect again until the server
// says on standard input that they are in two children ("yes" or "no" for each pair of names it is asked for).
const { chromium } = require("playwright-core");
const readline = require("readline");

const url = process.argv[2];
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const MAX_TRIES = 40;

async function ask(question) {
  console.log(JSON.stringify(question));
  return (await lines.next()).value;
}

async function connect(page, path) {
  await page.click(`#connect-${path}`);
  await page.waitForFunction(() => document.querySelector("#state").className === "open");
}

async function waitForMessage(page, text) {
  await page.waitForFunction(
    (wanted) => [...document.querySelectorAll(".entry.received .body")].some((line) => line.textContent.includes(wanted)), text);
}

async function send(page, text) {
  await page.fill("#text", text);
  await page.click("#send");
}

async function chat(page, name) {
  await page.fill("#name", name);
  await connect(page, "chat");
  await waitForMessage(page, `${name} has joined`);
}

// Under a new name each time; the last one is returned.
async function chatThroughAnotherChild(page, partner) {
  for (let i = 0; i < MAX_TRIES; ++i) {
    const name = `grace${i}`;
    await chat(page, name);
    if ((await ask({ inTwoChildren: [partner, name] })) === "yes") return name;
  }
  throw new Error(`${MAX_TRIES} times in one child with ${partner}`);
}

async function main() {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const errors = [];
  const open = async () => {
    const page = await browser.newPage();
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(url);
    return page;
  };
  const page = await open();
  for (const path of ["echo", "relay", "command", "client"]) {
    await connect(page, path);
    await send(page, `hello ${path}`);
    await waitForMessage(page, `hello ${path}`);
  }
  await connect(page, "filewatch");
  await waitForMessage(page, "GET / HTTP/1.1");

  const other = await open();
  await chat(page, "ada");
  const name = await chatThroughAnotherChild(other, "ada");
  await send(page, "from ada");
  await waitForMessage(other, "ada: from ada");
  await send(other, "and back");
  await waitForMessage(page, `${name}: and back`);
  await page.click("#close");
  await waitForMessage(other, "ada has left");
  console.log(JSON.stringify({ done: true, errors }));
  await browser.close();
  process.exit();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
