// Package compact rewrites an export without what is dead in it: members of shards, objects and shards that no row names. It makes one
// shard of many small ones.
//
// The rules of the room:
//   - What is committed is never overwritten. Members are copied into new shards, which become durable; then their rows are committed, and
//     merged into the tables that readers open; only then do the old shards go. A compaction that is cut short leaves an export that a
//     run, or the next compaction, goes on with.
//   - A shard of which a member is damaged stays as it is, with all of its members.
//   - What bears no name of ours is nobody's to remove: it is told of, and left alone.
package compact
