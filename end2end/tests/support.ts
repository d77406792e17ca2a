import { type BrowserContext, type ConsoleMessage, expect, type Page } from "@playwright/test";

/** The first account, made at the server's first start. */
export const LOGIN = "admin";
export const PASSWORD = "the night watch reads at dawn";

/** Logs in through the page, as a person does. */
export async function logIn(page: Page): Promise<void> {
  await page.goto("/login");
  await page.getByLabel("Name or e-mail address").fill(LOGIN);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page).toHaveURL("/");
}

/** Collects what the console complains about: a page has nothing to complain of. */
export function complaints(context: BrowserContext | Page, javaScript = true): string[] {
  const found: string[] = [];
  const hear = (message: ConsoleMessage) => {
    // The status of a page that is shown again with its messages is no fault of the page.
    const status = /status of (404|409|410|422)/.test(message.text());
    // A browser without JavaScript fetches the module early all the same, and wonders why.
    const preload = !javaScript && message.text().includes("link preload");
    if (["error", "warning"].includes(message.type()) && !status && !preload) {
      found.push(message.text());
    }
  };
  context.on("console", hear);
  if ("mainFrame" in context) {
    context.on("pageerror", (error) => found.push(String(error)));
  }
  return found;
}

/** Waits until the page is live; without JavaScript it never is, and need not be. */
export async function live(page: Page, javaScript: boolean | undefined): Promise<void> {
  if (javaScript !== false) {
    await expect(page.locator("footer")).not.toContainText("Times are in UTC");
  }
}

/** Starts the harbour's plan and returns the address of its run. */
export async function startRun(page: Page, depth = "3"): Promise<string> {
  await page.goto("/plans/harbour");
  await page.getByLabel("depth").fill(depth);
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/runs\/\d+$/);
  return new URL(page.url()).pathname;
}

/** Reads a run's page until a task stands where it should; works without JavaScript too. */
export async function until(page: Page, path: string, task: string, word: string): Promise<void> {
  await expect(async () => {
    await page.goto(path);
    const row = page.getByRole("row").filter({ hasText: task }).or(page.locator("tr").filter({ hasText: task }));
    await expect(row.first()).toContainText(word, { timeout: 1_000 });
  }).toPass({ timeout: 40_000 });
}

/** The address of the request about a task of a run. */
export async function approvalOf(page: Page, run: string, task: string): Promise<string> {
  await until(page, run, task, "awaiting approval");
  await page.getByRole("link", { name: task }).first().click();
  await page.getByRole("link", { name: "See the approval" }).click();
  await expect(page).toHaveURL(/\/approvals\/\d+$/);
  return new URL(page.url()).pathname;
}
