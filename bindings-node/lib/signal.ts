/** What ends when a signal is aborted. */
export interface Follower {
  abandon(reason: unknown): void
}

/** One listener on a signal, for however many follow it: Node warns of a leak past ten. */
interface Following {
  followers: Set<Follower>
  listener: () => void
}

const followings = new WeakMap<AbortSignal, Following>()

/** Has `follower` told when `signal` is aborted, until it unfollows. */
export function follow(signal: AbortSignal, follower: Follower): void {
  let following = followings.get(signal)
  if (!following) {
    const followers = new Set<Follower>()
    const listener = () => {
      followings.delete(signal)
      for (const follower of followers) follower.abandon(signal.reason)
    }
    following = { followers, listener }
    followings.set(signal, following)
    signal.addEventListener('abort', listener, { once: true })
  }
  following.followers.add(follower)
}

/** Takes back `follow`; does nothing when there is nothing to take back. */
export function unfollow(signal: AbortSignal, follower: Follower): void {
  const following = followings.get(signal)
  if (!following?.followers.delete(follower) || following.followers.size > 0) return
  followings.delete(signal)
  signal.removeEventListener('abort', following.listener)
}
