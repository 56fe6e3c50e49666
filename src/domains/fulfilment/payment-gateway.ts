import { definePort } from '../../kernel/define/effect.ts';
import type { Money } from '../shared/money.ts';

/** How a call to the gateway is known again, however often it is sent. */
export interface GatewayCall {
  /** The idempotency key. */
  readonly key: string;
  /** What we call the payment: one authorisation, and all that becomes of it. */
  readonly reference: string;
  readonly signal?: AbortSignal | undefined;
}

/** Nobody knows whether the gateway has done it: it did not answer, or not in time, or that it does not know itself. */
export interface Uncertain {
  readonly is: 'uncertain';
  readonly reason: string;
}
/** The gateway was not reached: it has not done it. */
export interface Unreachable {
  readonly is: 'unreachable';
  readonly reason: string;
}
/** The gateway will not do it, however often it is asked. */
export interface Declined {
  readonly is: 'declined';
  /** The gateway's, such as insufficient_funds. */
  readonly code: string;
  /** A sentence for the customer. */
  readonly message: string;
}
type NoAnswer = Uncertain | Unreachable;

export type Authorization = { readonly is: 'authorized' } | Declined | NoAnswer;
export type Capture = { readonly is: 'captured' } | Declined | NoAnswer;
/** Whether the money that was set aside is free again, or had been taken already. */
export type Voiding = { readonly is: 'voided' } | { readonly is: 'captured' } | NoAnswer;
export type Refund = { readonly is: 'refunded' } | Declined | NoAnswer;
/** What the gateway knows of a payment; `pending` where it has begun and is not done. */
export type Lookup =
  | { readonly is: 'authorized' | 'captured' | 'voided' | 'refunded' | 'pending' | 'unknown' }
  | Declined
  | NoAnswer;

/**
 * Takes money from customers' cards. Amounts are in minor units. Every call may be sent again with its key and is then
 * answered as at first.
 */
export interface PaymentGateway {
  /** Sets money aside. @param method the gateway's token of what it is paid with. */
  authorize(call: GatewayCall & { readonly amount: Money; readonly method: string }): Promise<Authorization>;
  /** Takes all of what was set aside. */
  capture(call: GatewayCall): Promise<Capture>;
  /** Frees what was set aside; where that was never begun, it will not be: an authorisation on its way is too late. */
  void(call: GatewayCall): Promise<Voiding>;
  /** Gives back all that was taken. */
  refund(call: GatewayCall): Promise<Refund>;
  lookup(call: Omit<GatewayCall, 'key'>): Promise<Lookup>;
}

export const paymentGateway = definePort<PaymentGateway>('payment gateway');
