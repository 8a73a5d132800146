/** The settings of one component; its keys belong to the collector, not to us. */
export type ComponentSettings = Readonly<Record<string, unknown>>;
type Components<Id extends string> = Readonly<Record<Id, ComponentSettings>>;

export interface Pipeline<Receiver extends string, Processor extends string, Exporter extends string> {
  readonly receivers: readonly Receiver[];
  readonly processors?: readonly Processor[];
  readonly exporters: readonly Exporter[];
}

/**
 * A collector configuration. The topology is strict (naming an undefined component does not compile), the
 * components' own settings are free.
 */
export interface TypedCollectorConfig<
  Receiver extends string,
  Processor extends string,
  Exporter extends string,
  Connector extends string,
  Extension extends string,
> {
  readonly extensions: Components<Extension>;
  readonly receivers: Components<Receiver>;
  readonly processors: Components<Processor>;
  readonly connectors?: Components<Connector>;
  readonly exporters: Components<Exporter>;
  readonly service: {
    readonly extensions: readonly NoInfer<Extension>[];
    readonly pipelines: Readonly<
      Record<string, Pipeline<NoInfer<Receiver | Connector>, NoInfer<Processor>, NoInfer<Exporter | Connector>>>
    >;
    readonly telemetry: ComponentSettings;
  };
}

export type CollectorConfig = TypedCollectorConfig<string, string, string, string, string>;

/** Checks the topology of a literal configuration at compile time; at run time it is the identity. */
export function defineCollectorConfig<
  const Receiver extends string,
  const Processor extends string,
  const Exporter extends string,
  const Connector extends string = never,
  const Extension extends string = never,
>(config: TypedCollectorConfig<Receiver, Processor, Exporter, Connector, Extension>): CollectorConfig {
  return config as unknown as CollectorConfig;
}
