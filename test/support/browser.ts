import { existsSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'

/** Debian's package `chromium`. */
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

interface Teardown {
  teardown(fn: () => unknown): unknown
}

export interface BrowserOptions {
  readonly width?: number
  readonly height?: number
  readonly colorScheme?: 'light' | 'dark'
  readonly javaScriptEnabled?: boolean
  readonly deviceScaleFactor?: number
}

/** A browser of its own for a test, with an empty profile; it ends with the test. */
export async function openBrowser(
  t: Teardown,
  options: BrowserOptions = {},
): Promise<BrowserContext> {
  const { width = 1280, height = 900, colorScheme = 'light', javaScriptEnabled = true } = options
  const executablePath = CHROMIUM.find((path) => existsSync(path))
  if (!executablePath) throw new Error('Chromium is missing: apt-get install chromium')
  const profile = mkdtempSync(join(tmpdir(), 'csgn-browser-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width, height },
    deviceScaleFactor: options.deviceScaleFactor ?? 1,
    colorScheme,
    javaScriptEnabled,
    locale: 'en-GB',
    timezoneId: 'Europe/Copenhagen',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  })
  t.teardown(async () => {
    await context.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  })
  return context
}

/** Says what a page logs or throws: a page of ours does neither. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  return complaints
}
