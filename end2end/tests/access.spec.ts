import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { complaints, live, startRun, until } from "./support";

const PAGES = ["/", "/approvals", "/history", "/runs", "/plans", "/plans/harbour", "/account", "/nowhere", "/decisions", "/mail", "/deliveries", "/plans/harbour/what-if"];

test("every page is guarded by its policy, holds no style attribute, and can be used by all", async ({ page }) => {
  const said = complaints(page);
  const run = await startRun(page);
  await until(page, run, "sign.repair", "awaiting approval");
  const task = await page.getByRole("link", { name: "sign.repair" }).getAttribute("href");
  await page.goto(task ?? "");
  const approval = await page.getByRole("link", { name: "See the approval" }).getAttribute("href");

  for (const path of [...PAGES, run, task ?? "", approval ?? ""]) {
    const answer = await page.goto(path);
    await live(page, true);
    const policy = (await answer?.headerValue("content-security-policy")) ?? "";
    expect(policy, path).toMatch(/script-src 'nonce-[0-9a-f]{32,}' 'wasm-unsafe-eval' 'strict-dynamic'/);
    expect(policy, path).toContain("style-src 'self'");
    expect(policy, path).not.toContain("unsafe-inline");
    expect(await answer?.headerValue("cache-control"), path).toBe("no-store");
    expect(await page.locator("[style]").count(), path).toBe(0);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wide, `${path} is wider than the screen`).toBeLessThanOrEqual(0);

    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const found = await new AxeBuilder({ page })
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
        .analyze();
      const faults = found.violations.map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.html).join(" ")}`);
      expect(faults, `${path} in ${colorScheme}`).toEqual([]);
    }
  }
  expect(said).toEqual([]);
});

test("nonces are never used twice", async ({ page }) => {
  const read = async () => (await page.request.get("/")).headers()["content-security-policy"];
  expect(await read()).not.toBe(await read());
});
