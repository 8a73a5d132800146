/** A span that is worth counting. */
export interface WireSpan {
  readonly service: string;
  readonly name: string;
  /** Becomes its own number and its trace's. */
  readonly id: number;
  /** Nanoseconds since 1970. */
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, string>>;
}

/** An OTLP export request in protobuf, the only form that stores take: one resource for each span. */
export function otlpSpans(spans: readonly WireSpan[]): Buffer {
  return Buffer.concat(
    spans.map(({ service, name, id, end, attributes }) => {
      const spanId = Buffer.alloc(8);
      spanId.writeUInt32BE(id, 4);
      const span = [
        field(1, Buffer.concat([Buffer.alloc(8), spanId])),
        field(2, spanId),
        field(5, Buffer.from(name)),
        fixed(7, end - 1_000_000n),
        fixed(8, end),
        ...Object.entries(attributes).map(([key, value]) => field(9, attribute(key, value))),
      ];
      const scope = field(2, Buffer.concat(span));
      return field(1, Buffer.concat([field(1, field(1, attribute("service.name", service))), field(2, scope)]));
    }),
  );
}

const attribute = (key: string, value: string): Buffer =>
  Buffer.concat([field(1, Buffer.from(key)), field(2, field(1, Buffer.from(value)))]);

function field(number: number, bytes: Buffer): Buffer {
  const length: number[] = [];
  let left = bytes.length;
  for (; left >= 0x80; left >>= 7) length.push((left & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, left]), bytes]);
}

function fixed(number: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = (number << 3) | 1;
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
}
