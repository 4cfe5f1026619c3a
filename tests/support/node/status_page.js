// Drives the status page in headless Chromium: node status_page.js URL FILTER [USER PASSWORD]
//
// Prints what the page shows as lines of JSON, and reads from standard input what to do next. "show" waits for a session that the
// filter lets through, "count N" until the first one has had N messages from its client; "close" presses its Close button twice.
const { chromium } = require("playwright-core");
const readline = require("readline");

const [url, filter, username, password] = process.argv.slice(2);
const AFTER_A_DOUBLE_CLICK_MS = 500;
const FIRST = "#sessions tbody tr:not(.gone)";

// The cells of one row by the heads of their columns.
function cells(row) {
  const heads = [...row.closest("table").tHead.rows[0].cells].map((head) => head.textContent);
  return Object.fromEntries([...row.cells].map((cell, i) => [heads[i], cell.textContent]));
}

const rows = async (page, table) => Promise.all((await page.$$(`#${table} tbody tr:not(.gone)`)).map((row) => row.evaluate(cells)));

async function show(page) {
  await page.waitForSelector(FIRST);
  return { sessions: await rows(page, "sessions"), series: await rows(page, "series"), processes: await rows(page, "processes"),
    state: await page.textContent("#state"), shown: await page.textContent("#shown") };
}

async function count(page, messages) {
  await page.waitForFunction(([first, wanted]) => {
    const heads = [...document.querySelectorAll("#sessions thead th")].map((head) => head.textContent);
    const row = document.querySelector(first);
    return row && row.cells[heads.indexOf("Messages in")].textContent === wanted;
  }, [FIRST, messages]);
  return show(page);
}

async function close(page) {
  const button = page.locator(`${FIRST} button`).first();
  await button.click();
  const asked = await button.textContent();
  await page.waitForTimeout(AFTER_A_DOUBLE_CLICK_MS);
  await button.click();
  await page.waitForFunction((first) => !document.querySelector(first), FIRST);
  return { asked, notice: await page.textContent("#notice") };
}

async function main() {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const context = await browser.newContext(username ? { httpCredentials: { username, password } } : {});
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(url);
  await page.waitForSelector("#connection.live");
  await page.fill("#filter", filter);
  console.log(JSON.stringify({ mayClose: await page.evaluate(() => document.querySelector("#sessions").className === "may-close") }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [order, argument] = line.split(" ");
    console.log(JSON.stringify({ ...await { show, count, close }[order](page, argument), errors }));
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
