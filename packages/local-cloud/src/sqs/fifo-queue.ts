import { createHash, randomUUID } from 'node:crypto';

export interface FifoQueueOptions {
  readonly visibilityTimeoutSeconds: number;
  readonly retentionSeconds: number;
  /** how often a message is received before it goes to the dead letters; undefined: always again */
  readonly maxReceiveCount: number | undefined;
  readonly contentBasedDeduplication: boolean;
  readonly deduplicationScope: 'queue' | 'messageGroup';
}

export interface FifoMessage {
  readonly id: string;
  readonly body: string;
  readonly groupId: string;
  readonly deduplicationId: string;
  readonly sequenceNumber: string;
  readonly sentAt: Date;
}

export interface ReceivedMessage extends FifoMessage {
  readonly receiptHandle: string;
  readonly receiveCount: number;
  readonly firstReceivedAt: Date;
}

export interface NewMessage {
  readonly body: string;
  readonly groupId: string;
  readonly deduplicationId: string | undefined;
}

export type SendResult =
  | { readonly kind: 'sent' | 'duplicate'; readonly id: string; readonly sequenceNumber: string }
  | { readonly kind: 'no deduplication id' };

/** What became of a request with a receipt handle. */
export type HandleResult = 'done' | 'expired' | 'invalid';

interface Entry {
  readonly message: FifoMessage;
  receiveCount: number;
  firstReceivedAt: Date | undefined;
  receiptHandle: string | undefined;
  invisibleUntil: number;
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
const deduplicationMilliseconds = 5 * 60 * 1000;

/**
 * The messages of one FIFO queue. Each request brings the time, so that waiting can be scaled by whoever owns the clock.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
export class FifoQueue {
  readonly #options: FifoQueueOptions;
  readonly #deadLetter: (message: FifoMessage) => void;
  readonly #handles = new Set<string>();
  readonly #deleted = new Set<string>();
  readonly #taken = new Map<string, FifoMessage>();
  #entries: readonly Entry[] = [];
  #sequence = 0n;

  constructor(options: FifoQueueOptions, deadLetter: (message: FifoMessage) => void) {
    this.#options = options;
    this.#deadLetter = deadLetter;
  }

  /** A deduplication id stays taken for 5 minutes, whether its message is deleted or not. */
  send(request: NewMessage, now: Date): SendResult {
    const deduplicationId = this.#deduplicationId(request);
    if (deduplicationId === undefined) return { kind: 'no deduplication id' };
    const scope = this.#options.deduplicationScope === 'queue' ? '' : request.groupId;
    const key = JSON.stringify([scope, deduplicationId]);
    const earlier = this.#taken.get(key);
    if (earlier !== undefined && +now - +earlier.sentAt < deduplicationMilliseconds)
      return { kind: 'duplicate', id: earlier.id, sequenceNumber: earlier.sequenceNumber };
    this.#sequence += 1n;
    const { body, groupId } = request;
    const sequenceNumber = String(this.#sequence).padStart(20, '0');
    const message = { id: randomUUID(), body, groupId, deduplicationId, sequenceNumber, sentAt: now };
    this.#taken.set(key, message);
    this.#entries = [...this.#entries, newEntry(message)];
    return { kind: 'sent', id: message.id, sequenceNumber };
  }

  /** At most `maximum` messages in the order of their groups. A group with a message in flight gives none. */
  receive(maximum: number, now: Date, visibilityTimeoutSeconds?: number): readonly ReceivedMessage[] {
    this.#dropExpired(now);
    const timeout = (visibilityTimeoutSeconds ?? this.#options.visibilityTimeoutSeconds) * 1000;
    const locked = new Set(
      this.#entries.filter((entry) => isInFlight(entry, now)).map(({ message }) => message.groupId),
    );
    const received: ReceivedMessage[] = [];
    for (const entry of this.#entries) {
      if (received.length >= maximum) break;
      if (locked.has(entry.message.groupId)) continue;
      if (this.#isExhausted(entry)) {
        this.#remove(entry);
        this.#deadLetter(entry.message);
        continue;
      }
      received.push(this.#hand(entry, now, timeout));
    }
    return received;
  }

  delete(receiptHandle: string, now: Date): HandleResult {
    if (!this.#handles.has(receiptHandle)) return 'invalid';
    const entry = this.#entries.find((candidate) => candidate.receiptHandle === receiptHandle);
    // what was deleted before is deleted; a handle whose time is up, or that a later receive replaced, deletes nothing
    if (entry === undefined) return this.#deleted.has(receiptHandle) ? 'done' : 'expired';
    if (!isInFlight(entry, now)) return 'expired';
    this.#deleted.add(receiptHandle);
    this.#remove(entry);
    return 'done';
  }

  /** 0 seconds give the message back at once. */
  changeVisibility(receiptHandle: string, seconds: number, now: Date): HandleResult {
    if (!this.#handles.has(receiptHandle)) return 'invalid';
    const entry = this.#entries.find((candidate) => candidate.receiptHandle === receiptHandle);
    if (entry === undefined || !isInFlight(entry, now)) return 'expired';
    entry.invisibleUntil = +now + seconds * 1000;
    return 'done';
  }

  /** Deduplication ids stay taken. */
  purge(): void {
    this.#entries = [];
  }

  counts(now: Date): { readonly visible: number; readonly inFlight: number } {
    this.#dropExpired(now);
    const inFlight = this.#entries.filter((entry) => isInFlight(entry, now)).length;
    return { visible: this.#entries.length - inFlight, inFlight };
  }

  /** Seconds since the oldest message was sent; 0 without one. */
  age(now: Date): number {
    this.#dropExpired(now);
    const sent = this.#entries.map(({ message }) => +message.sentAt);
    return sent.length === 0 ? 0 : (+now - Math.min(...sent)) / 1000;
  }

  #deduplicationId({ body, deduplicationId }: NewMessage): string | undefined {
    if (deduplicationId !== undefined) return deduplicationId;
    if (!this.#options.contentBasedDeduplication) return undefined;
    return createHash('sha256').update(body).digest('hex');
  }

  #isExhausted({ receiveCount }: Entry): boolean {
    const { maxReceiveCount } = this.#options;
    return maxReceiveCount !== undefined && receiveCount >= maxReceiveCount;
  }

  #hand(entry: Entry, now: Date, timeout: number): ReceivedMessage {
    const receiptHandle = randomUUID();
    this.#handles.add(receiptHandle);
    const firstReceivedAt = entry.firstReceivedAt ?? now;
    entry.firstReceivedAt = firstReceivedAt;
    entry.receiptHandle = receiptHandle;
    entry.receiveCount += 1;
    entry.invisibleUntil = +now + timeout;
    return { ...entry.message, receiptHandle, receiveCount: entry.receiveCount, firstReceivedAt };
  }

  #dropExpired(now: Date): void {
    const oldest = +now - this.#options.retentionSeconds * 1000;
    this.#entries = this.#entries.filter(({ message }) => +message.sentAt > oldest);
  }

  #remove(entry: Entry): void {
    this.#entries = this.#entries.filter((candidate) => candidate !== entry);
  }
}

function newEntry(message: FifoMessage): Entry {
  return {
    message,
    receiveCount: 0,
    firstReceivedAt: undefined,
    receiptHandle: undefined,
    invisibleUntil: 0,
  };
}

function isInFlight({ invisibleUntil }: Entry, now: Date): boolean {
  return invisibleUntil > +now;
}
