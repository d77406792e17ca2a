import { type Browser, type BrowserContext, expect, type Page, test } from "@playwright/test";
import { approvalOf, complaints, live, until } from "./support";

const GIVEN = "somebody else chose this one";
const OWN = "the tide is out before dawn";

/** Makes an approver and logs them in with a password of their own. */
async function approver(admin: Page, browser: Browser, name: string): Promise<BrowserContext> {
  const login = `${name}-${Date.now()}@example.org`;
  const made = await admin.request.post("/api/v1/accounts", {
    data: { login, password: GIVEN, roles: ["approver"] },
    headers: { "sec-fetch-site": "same-origin" },
  });
  expect(made.status()).toBe(201);
  const context = await browser.newContext({ storageState: undefined });
  const page = await context.newPage();
  await page.goto("/login");
  await page.getByLabel("Name or e-mail address").fill(login);
  await page.getByLabel("Password").fill(GIVEN);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page).toHaveURL(/account/);
  await page.getByLabel("Present password").fill(GIVEN);
  await page.getByLabel("New password").fill(OWN);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page).toHaveURL("/");
  await page.close();
  return context;
}

/** Starts the quay's plan and returns the address of its run. */
async function startQuay(page: Page): Promise<string> {
  await page.goto("/plans/quay");
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/runs\/\d+$/);
  return new URL(page.url()).pathname;
}

test("of two browsers that decide at once one wins, and the other is told who", async ({ page, browser }) => {
  const people = [await approver(page, browser, "left"), await approver(page, browser, "right")];
  const run = await startQuay(page);
  const approval = await approvalOf(page, run, "quay.race");
  const pages = await Promise.all(people.map((person) => person.newPage()));
  for (const one of pages) {
    await one.goto(approval);
    await live(one, true);
    await one.getByLabel("Note").fill("as I see it");
  }
  const clicks = ["Approve", "Reject"].map((verb, index) =>
    pages[index].getByRole("button", { name: verb }).click(),
  );
  await Promise.all(clicks);
  for (const one of pages) {
    await expect(one.locator(".outcome").last()).toContainText(/(Approved|Rejected) by (left|right)-/);
  }
  const outcomes = await Promise.all(pages.map((one) => one.locator(".outcome").last().innerText()));
  expect(outcomes[0]).toBe(outcomes[1]);
  const told = await Promise.all(pages.map((one) => one.getByRole("alert").count()));
  expect(told.filter((alerts) => alerts > 0).length).toBe(1);
  const winner = outcomes[0].includes("Approved") ? "succeeded" : "failed";
  await until(page, run, "quay.race", winner);
  await Promise.all(people.map((person) => person.close()));
});

test("changes are asked for, and two then agree on what was filled in", async ({ page, browser }) => {
  const [first, second] = [await approver(page, browser, "first"), await approver(page, browser, "second")];
  const asker = await approver(page, browser, "asker");
  const run = await startQuay(page);
  const approval = await approvalOf(page, run, "quay.pair");
  const ask = await asker.newPage();
  const heard = complaints(ask);
  await ask.goto(approval);
  await live(ask, true);
  // The key leads to the note first: whoever repairs it must know why.
  await ask.keyboard.press("c");
  await expect(ask.getByLabel("Note")).toBeFocused();
  await ask.keyboard.type("say it louder");
  await ask.getByRole("button", { name: "Ask for changes" }).click();
  await expect(ask.locator(".outcome")).toContainText("Changes asked for by asker-");

  const anew = await approvalOf(page, run, "quay.pair");
  expect(anew).not.toBe(approval);
  // Where two must sign, who asked for the changes is none of them.
  await ask.goto(anew);
  await expect(ask.getByText("asked for changes in round 1").first()).toBeVisible();
  await expect(ask.getByRole("button", { name: "Approve" })).toHaveCount(0);
  expect(heard).toEqual([]);
  const one = await first.newPage();
  const said = complaints(one);
  await one.goto(anew);
  await live(one, true);
  await expect(one.getByText("wanted: say it louder")).toBeVisible();
  await expect(one.getByRole("row").filter({ hasText: "outputs.round" })).toContainText("1");
  // Approving without the window says so beside it.
  await one.getByRole("button", { name: "Approve" }).click();
  await expect(one.locator('[id="field-inputs.window-wrong"]')).toBeVisible();
  // The other has the same page open, and may not sign entries that are not shown there.
  const two = await second.newPage();
  await two.goto(anew);
  await live(two, true);
  await expect(two.getByLabel("window")).toBeVisible();
  await two.getByLabel("Note").fill("as we agreed");
  const read = await two.locator("input[name=digest]").inputValue();
  await one.getByLabel("window").selectOption("tonight");
  // What the other has armed meanwhile was an answer to the page as it was.
  await two.getByLabel("Note").blur();
  await two.keyboard.press("a");
  await expect(two.getByRole("button", { name: "Approve" })).toHaveAttribute("data-armed", "ready");
  await one.getByRole("button", { name: "Approve" }).click();
  await expect(one.getByText("1 more must sign")).toBeVisible();
  await expect(one.getByRole("button", { name: "Approve" })).toHaveCount(0);
  await expect(two.getByLabel("window")).toHaveCount(0);
  await expect(two.locator(".outcome").filter({ hasText: "1 more must sign" })).toContainText("tonight");
  await expect(two.locator("[data-armed]")).toHaveCount(0);
  await two.keyboard.press("Enter");
  await expect(two.getByRole("button", { name: "Approve" })).toBeVisible();
  // What was being written stays, and it is still what was read that is signed.
  await expect(two.getByLabel("Note")).toHaveValue("as we agreed");
  await expect(two.locator("input[name=digest]")).toHaveValue(read);
  await two.keyboard.press("a");
  await expect(two.getByRole("button", { name: "Approve" })).toHaveAttribute("data-armed", "ready");
  await two.keyboard.press("Enter");
  await expect(two.locator(".outcome")).toContainText("Approved by second-");
  await expect(two.locator(".outcome")).toContainText("as we agreed");
  // The other's page follows by itself.
  await expect(one.locator(".outcome").last()).toContainText("Approved by second-");
  await until(page, run, "quay.publish", "succeeded");

  await page.goto("/decisions");
  await expect(page.getByText("Changes asked for by asker-").first()).toBeVisible();
  expect(said).toEqual([]);
  await asker.close();
  await first.close();
  await second.close();
});

test("the inbox is walked by keyboard", async ({ page }) => {
  await startQuay(page);
  const run = await startQuay(page);
  await approvalOf(page, run, "quay.race");
  await page.goto("/approvals");
  await live(page, true);
  const shown = page.locator(".inbox nav a.row[aria-current]");
  const start = await shown.getAttribute("href");
  await page.keyboard.press("j");
  await expect(shown).not.toHaveAttribute("href", start ?? "");
  await page.keyboard.press("k");
  await expect(shown).toHaveAttribute("href", start ?? "");
  await page.getByRole("link", { name: "by plan" }).click();
  await expect(page.locator(".inbox nav h3").filter({ hasText: "quay" })).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByText("j next, k previous")).toBeVisible();
});
