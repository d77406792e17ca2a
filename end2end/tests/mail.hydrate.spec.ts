import { createServer, type Server } from "node:net";
import { expect, type Page, test } from "@playwright/test";
import { complaints, until } from "./support";

const PORT = Number(process.env.WATCHBILL_TEST_PORT ?? 4197) + 1;
const GIVEN = "somebody else chose this one";
const OWN = "the tide is out before dawn";

interface Mail {
  to: string;
  text: string;
}

/** A mail server that takes everything and keeps it. */
async function mailServer(): Promise<{ mails: Mail[]; server: Server }> {
  const mails: Mail[] = [];
  const server = createServer((socket) => {
    let unread = "";
    let to = "";
    let body: string[] | undefined;
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.write("220 sink\r\n");
    socket.on("data", (chunk: string) => {
      unread += chunk;
      let end = unread.indexOf("\r\n");
      for (; end >= 0; end = unread.indexOf("\r\n")) {
        const line = unread.slice(0, end);
        unread = unread.slice(end + 2);
        if (body) {
          if (line === ".") {
            mails.push({ to, text: decoded(body) });
            body = undefined;
            socket.write("250 kept\r\n");
          } else {
            body.push(line);
          }
        } else if (/^RCPT TO:/i.test(line)) {
          to = /<(.*)>/.exec(line)?.[1] ?? "";
          socket.write("250 ok\r\n");
        } else if (/^DATA/i.test(line)) {
          body = [];
          socket.write("354 go on\r\n");
        } else if (/^QUIT/i.test(line)) {
          socket.end("221 bye\r\n");
        } else {
          socket.write("250 ok\r\n");
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(PORT, "127.0.0.1", resolve));
  return { mails, server };
}

/** Quoted-printable read back; what is not stays as it is. */
function decoded(lines: string[]): string {
  const joined = lines.join("\n").replace(/=\n/g, "");
  return joined.replace(/=([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

async function logIn(page: Page, login: string, password: string): Promise<void> {
  await page.getByLabel("Name or e-mail address").fill(login);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("a mailed link changes nothing by being fetched, and leads behind the login to a decision", async ({
  page,
  browser,
  playwright,
  baseURL,
}) => {
  const { mails, server } = await mailServer();
  try {
    const login = `reader-${Date.now()}@example.org`;
    const made = await page.request.post("/api/v1/accounts", {
      data: { login, password: GIVEN, roles: ["approver"] },
      headers: { "sec-fetch-site": "same-origin" },
    });
    expect(made.status()).toBe(201);
    await page.goto("/plans/quay");
    await page.getByRole("button", { name: "Run now" }).click();
    await expect(page).toHaveURL(/\/runs\/\d+$/);
    const run = new URL(page.url()).pathname;
    await until(page, run, "quay.race", "awaiting approval");
    const runId = (await page.getByRole("heading", { level: 1 }).innerText()).trim();

    const mine = () => mails.find((mail) => mail.to === login && mail.text.includes("quay.race"));
    await expect.poll(mine, { timeout: 60_000 }).toBeTruthy();
    const text = mine()?.text ?? "";
    expect(text).toContain(runId);
    const link = new RegExp(`${baseURL}/approvals/\\d+`).exec(text)?.[0] ?? "";
    expect(link).not.toBe("");

    // Scanners fetch links, and some run what they find there.
    const scanner = await playwright.request.newContext();
    for (const method of ["GET", "HEAD"]) {
      await scanner.fetch(link, { method, headers: { "user-agent": "Slackbot-LinkExpanding 1.0" } });
    }
    await scanner.dispose();
    await page.goto(link);
    await expect(page.getByRole("button", { name: "Approve" })).toBeVisible();
    await until(page, run, "quay.race", "awaiting approval");

    const phone = await browser.newContext({ storageState: undefined, viewport: { width: 390, height: 844 } });
    const reader = await phone.newPage();
    const said = complaints(reader);
    await reader.goto(link);
    await expect(reader).toHaveURL(/\/login\?next=/);
    await logIn(reader, login, GIVEN);
    await expect(reader).toHaveURL(/account/);
    await reader.getByLabel("Present password").fill(GIVEN);
    await reader.getByLabel("New password").fill(OWN);
    await reader.getByRole("button", { name: "Change the password" }).click();
    // Back to what the message led to.
    await expect(reader).toHaveURL(link);
    await reader.getByRole("button", { name: "Approve" }).click();
    await expect(reader.locator(".outcome")).toContainText(`Approved by ${login}`);
    await until(page, run, "quay.race", "succeeded");
    expect(said).toEqual([]);
    await phone.close();
  } finally {
    server.close();
  }
});
