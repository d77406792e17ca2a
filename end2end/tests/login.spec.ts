import { expect, test } from "@playwright/test";
import { complaints, LOGIN, PASSWORD } from "./support";

// Nobody is logged in here.
test.use({ storageState: { cookies: [], origins: [] } });

test("a page that needs a login leads there and back", async ({ page, javaScriptEnabled }) => {
  const said = complaints(page, javaScriptEnabled);
  await page.goto("/history?status=failed&task=tide.fail");
  await expect(page).toHaveURL(/\/login\?next=/);
  await page.getByLabel("Name or e-mail address").fill(LOGIN);
  await page.getByLabel("Password").fill("not the password at all");
  await page.getByRole("button", { name: "Log in" }).click();

  // The message stands beside its field, the name is kept, and nothing is in the address.
  const password = page.getByLabel("Password");
  await expect(password).toHaveAttribute("aria-invalid", "true");
  await expect(page.locator("#field-password-wrong")).toContainText("do not belong together");
  await expect(page.getByLabel("Name or e-mail address")).toHaveValue(LOGIN);
  await expect(password).toHaveValue("");
  await expect(page).toHaveURL("/login");

  await password.fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page).toHaveURL("/history?status=failed&task=tide.fail");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("History");
  expect(said).toEqual([]);
});

test("empty fields are asked for beside each", async ({ page }) => {
  const answer = await page.request.post("/login", {
    form: { login: "", password: "" },
    headers: { "sec-fetch-site": "same-origin" },
  });
  expect(answer.status()).toBe(422);
  const html = await answer.text();
  expect(html).toContain("Write your name.");
  expect(html).toContain("Write your password.");
});
