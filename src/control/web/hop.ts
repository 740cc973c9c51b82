import type { FastifyReply } from 'fastify'
import type { Html } from './html.ts'
import { html } from './html.ts'
import type { InboxOptions } from './web-options.ts'

/**
 * A page that leads to the next one. Unlike a redirect it is a page of ours that asks: cookies of
 * SameSite=Strict come along, and `form-action` doesn't count where it follows on a form.
 * `to`: an address that was checked.
 */
export function hop(reply: FastifyReply, { web }: InboxOptions, to: string): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .send(pageTo(to, web.assets.at('inbox.css')).toString())
}

function pageTo(to: string, style: string): Html {
  return html`<!doctype html><html lang="en"><meta charset="utf-8"><title>Countersign</title><link rel="stylesheet" href="${style}"><meta http-equiv="refresh" content="0; url=${to}"><p><a id="onward" href="${to}">Go on</a></p>`
}
