import { Image } from "@cdktf/provider-docker/lib/image";
import { Network } from "@cdktf/provider-docker/lib/network";
import { Construct } from "constructs";
import type { ImageKey } from "../lib/images/catalog";
import type { ResolvedImages } from "../lib/images/overrides";
import { literal } from "../lib/terraform/literal";
import { labelList } from "./service-container";

export interface ContainerHostProps {
  /** First part of every container's name on this engine. */
  readonly prefix: string;
  /** @default - the prefix */
  readonly networkName?: string;
  readonly images: ResolvedImages;
  /** Labels that every container gets. @default - none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What the containers of one host share: a private network, the images, a prefix for names. */
export class ContainerHost extends Construct {
  public readonly prefix: string;
  public readonly labels: Readonly<Record<string, string>>;
  public readonly network: Network;
  private readonly imageScope: Construct;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ContainerHostProps,
  ) {
    super(scope, id);
    this.prefix = props.prefix;
    this.labels = props.labels ?? {};
    this.network = new Network(this, "network", {
      name: props.networkName ?? props.prefix,
      driver: "bridge",
      labels: labelList(this.labels),
    });
    this.imageScope = new Construct(this, "Images");
  }

  /**
   * The image of a part; pulled once per host, and kept there when it is no longer used, so that a way back needs no
   * registry. Containers refer to it by name: by id, a tag that moved on the host would replace them unasked.
   */
  public image(key: ImageKey): Image {
    const existing = this.imageScope.node.tryFindChild(key) as Image | undefined;
    return (
      existing ??
      new Image(this.imageScope, key, {
        name: literal(this.props.images[key].ref),
        keepLocally: true,
        // The old image stays in the state when a pull fails, so that going back is no change.
        lifecycle: { createBeforeDestroy: true },
      })
    );
  }

  public containerName(service: string): string {
    return `${this.prefix}-${service}`;
  }
}
