import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig, devices } from "@playwright/test";
import { PASSWORD } from "./tests/support";

// One real server on an empty database; every project walks through it as its own browser.
const port = Number(process.env.WATCHBILL_TEST_PORT ?? 4197);
const baseURL = `http://127.0.0.1:${port}`;
const root = join(__dirname, "..");
const binary = process.env.WATCHBILL_BINARY ?? join(root, "target/debug/watchbill");
const chromium =
  process.env.CHROMIUM ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const desktop = devices["Desktop Chrome"];

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  reporter: [["list"]],
  // The server has one database; what tests share they name by themselves.
  workers: 2,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  timeout: 120_000,
  expect: { timeout: 15_000 },
  use: {
    ...desktop,
    baseURL,
    locale: "en-GB",
    // Half an hour off every full-hour zone, and far from the server's.
    timezoneId: "Asia/Kolkata",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      // Chromium's own sandbox refuses root.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  projects: [
    { name: "login", testMatch: /login\.setup\.ts/ },
    { name: "hydrated", testIgnore: /french|setup/, dependencies: ["login"], use: { storageState: session() } },
    {
      name: "without-javascript",
      testMatch: /(flow|login|history)\.spec\.ts/,
      dependencies: ["login"],
      use: { javaScriptEnabled: false, storageState: session() },
    },
    {
      name: "phone",
      testMatch: /(access|flow)\.spec\.ts/,
      dependencies: ["login"],
      use: { viewport: { width: 390, height: 844 }, storageState: session() },
    },
    {
      name: "french",
      testMatch: /french\.spec\.ts/,
      dependencies: ["login"],
      use: { locale: "fr-FR", timezoneId: "Europe/Paris", storageState: session() },
    },
  ],
  webServer: {
    command: `${binary} serve`,
    cwd: root,
    url: `${baseURL}/ready`,
    timeout: 60_000,
    gracefulShutdown: { signal: "SIGTERM", timeout: 10_000 },
    env: {
      ...(process.env as Record<string, string>),
      WATCHBILL_LISTEN: `127.0.0.1:${port}`,
      WATCHBILL_ADMIN_PASSWORD: PASSWORD,
      WATCHBILL_PLANS_FOLDER: join(root, "end2end/plans"),
      WATCHBILL_STEPS_FOLDER: tmpdir(),
      // A test listens there as a mail server; while none does, mail waits.
      WATCHBILL_SMTP_URL: `smtp://127.0.0.1:${port + 1}?tls=none`,
      WATCHBILL_MAIL_FROM: "Watchbill <watchbill@example.org>",
      WATCHBILL_DATA_FOLDER: mkdtempSync(join(tmpdir(), "watchbill-end2end-")),
      TZ: "UTC",
    },
  },
});

/** Where the login's project leaves its session for the others. */
function session(): string {
  return join(__dirname, "test-results", "session.json");
}
