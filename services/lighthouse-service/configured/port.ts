/** Which SLI provider a project uses. */
export interface ProjectProvider {
  /** Undefined when none is configured; `Terminal` when what is configured cannot be read. */
  of(project: string): Promise<string | undefined>;
  set(project: string, provider: string): Promise<void>;
}
