// Profiles: other systems' tables over the one log.
export type { InstalledProfile, InstallProfileOptions, MadeObject } from "./install.js"
export type { RemovedProfile, RemoveProfileOptions } from "./remove.js"
export type { RevokedProfile, RevokeProfileOptions } from "./revoke.js"
export { type Profile, type ProfileName, profileNames, type Replacement } from "./shape.js"
export type { ObjectState, ProfileState, ShownProfile } from "./state.js"
