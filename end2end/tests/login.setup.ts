import { test as setup } from "@playwright/test";
import { join } from "node:path";
import { logIn } from "./support";

setup("one login serves the other tests", async ({ page }) => {
  await logIn(page);
  await page.context().storageState({ path: join(__dirname, "..", "test-results", "session.json") });
});
