// A NestJS application: one module makes the sender, starts it and stops it; whoever needs it has it injected.

import 'reflect-metadata'
import assert from 'node:assert/strict'
import {
  Controller,
  type DynamicModule,
  HttpCode,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  Param,
  Post,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { type AnyWebhookSender, createWebhookSender, type SenderOptions } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const folder = await scratch()
const receiver = await startReceiver()

// #region module
/** Named wherever it is injected: so it works without emitted metadata of decorators, too. */
const WEBHOOKS = Symbol('hookferry')

/** Starts when the application has come up, and stops after it has answered its last request. */
@Injectable()
class WebhooksLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #sender: AnyWebhookSender

  constructor(@Inject(WEBHOOKS) sender: AnyWebhookSender) {
    this.#sender = sender
  }

  onApplicationBootstrap(): Promise<void> {
    return this.#sender.start()
  }

  onApplicationShutdown(): Promise<void> {
    return this.#sender.stop()
  }
}

@Module({})
class WebhooksModule {
  static forRoot(options: () => SenderOptions): DynamicModule {
    return {
      module: WebhooksModule,
      global: true,
      providers: [{ provide: WEBHOOKS, useFactory: () => createWebhookSender(options()) }, WebhooksLifecycle],
      exports: [WEBHOOKS],
    }
  }
}
// #endregion

// #region app
@Controller('invoices')
class InvoicesController {
  readonly #webhooks: AnyWebhookSender

  constructor(@Inject(WEBHOOKS) webhooks: AnyWebhookSender) {
    this.#webhooks = webhooks
  }

  @Post(':id/pay')
  @HttpCode(202)
  async pay(@Param('id') invoice: string): Promise<{ event: string }> {
    const idempotencyKey = `invoice.paid:${invoice}`
    const { id } = await this.#webhooks.send({ type: 'invoice.paid', data: { invoice }, idempotencyKey })
    return { event: id }
  }
}

@Module({
  imports: [
    WebhooksModule.forRoot(() => ({
      storage: sqlite({ path: folder.path('webhooks.db') }),
      network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] }, // to try it on one machine
    })),
  ],
  controllers: [InvoicesController],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
app.enableShutdownHooks(['SIGTERM']) // without it a signal ends the process, and nothing is stopped in order
await app.listen(0, '127.0.0.1')
// #endregion

const sender = app.get<AnyWebhookSender>(WEBHOOKS)
await sender.endpoints.create({ url: receiver.url })
const response = await fetch(`${await app.getUrl()}/invoices/inv_1/pay`, { method: 'POST' })
assert.equal(response.status, 202)
await until(() => receiver.count === 1)

await app.close()
await assert.rejects(sender.health(), { code: 'stopped' })
console.log('injected, sent by a controller, delivered, and stopped with the application')

await receiver.close()
await folder.remove()
