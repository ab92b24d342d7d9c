export { type DeployConfig, readDeployConfig } from "./config.ts";
export { configure, GUARDIAN_ROLE } from "./configure.ts";
export { type DeployConnection, deployProtocol } from "./deploy.ts";
export { type Finding, status } from "./status.ts";
