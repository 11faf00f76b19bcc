/* gen_tree_seeds DIR: writes the seeds of fuzz_tree: entries of every type, a
 * directory of many pages, a list of many nodes. */
#include <stdio.h>

#include "repo/dir_writer.h"

struct nodes {
    struct buf list; /* nodes, each with its u16 length in front */
    size_t last;     /* where the one put last begins */
};

static int put_node(void *ctx, struct bytes node, struct chunk_id *id)
{
    struct nodes *n = ctx;

    n->last = n->list.n;
    codec_put_u16(&n->list, (uint16_t)node.n);
    buf_add_bytes(&n->list, node);
    memset(id->b, (int)n->list.n, sizeof id->b);
    return 0;
}

static void save(const char *dir, const char *name, struct bytes head,
                 struct bytes body)
{
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "we");
    ASSERT(f);
    ASSERT(fwrite(head.p, 1, head.n, f) == head.n);
    ASSERT(fwrite(body.p, 1, body.n, f) == body.n);
    ASSERT(fclose(f) == 0);
}

/* Each node by itself. */
static void save_nodes(const char *dir, const char *name, uint8_t kind,
                       const struct nodes *nodes)
{
    const size_t last = nodes->last;
    struct codec c;

    codec_init(&c, buf_bytes(&nodes->list));
    for (unsigned i = 0; codec_left(&c) > 0; i++) {
        bool root = (size_t)(c.p - c.start) == last;
        struct bytes node = codec_take(&c, codec_u16(&c));
        char path[64];

        if (i > 0 && !root)
            continue;
        (void)snprintf(path, sizeof path, "%s-%s", name,
                       root ? "root" : "leaf");
        save(dir, path, bytes_of(&kind, 1), node);
    }
}

static struct tree_entry entry(enum entry_type type, const char *name)
{
    static const uint8_t hole[] = {0xfd, 0x3f};
    struct tree_entry te = {
        .e = {.type = type, .name = bytes_of_str(name), .mode = 0644}};
    struct tree_attr a = {.name = bytes_of_str("user.a"),
                          .value = bytes_of_str("v")};

    te.e.mtime.s = -5;
    te.e.has_btime = true;
    te.e.project = 7;
    if (type == ENTRY_FILE) {
        te.e.size = 2047;
        te.content.extents = bytes_of(hole, sizeof hole);
        te.content.extent_n = 1;
        te.holes = bytes_of("\2\5\3\1\xf6\x0f", 6);
    } else if (type == ENTRY_SYMLINK) {
        te.e.target = bytes_of_str("../x");
    }
    ASSERT(tree_entry_add_attr(&te, &a) == 0);
    return te;
}

static void save_entries(const char *dir)
{
    for (int type = ENTRY_FILE; type <= ENTRY_SOCKET; type++) {
        struct tree_entry te = entry((enum entry_type)type, "n");
        char name[32];
        struct buf b;

        buf_init(&b, TREE_ENTRY_BYTES_MAX);
        ASSERT(tree_entry_put(&b, &te) == 0);
        (void)snprintf(name, sizeof name, "entry-%d", type);
        save(dir, name, bytes_of("\0", 1), buf_bytes(&b));
        buf_release(&b);
        tree_entry_release(&te);
    }
}

static void save_dir(const char *dir)
{
    static const struct node_key key;
    struct nodes nodes = {.last = 0};
    struct node_sink sink = {put_node, &nodes};
    struct dir_writer *w = dir_writer_new(&key, &sink);
    struct tree_dir out;

    buf_init(&nodes.list, 1 << 20);
    for (int i = 0; i < 300; i++) {
        char name[32];
        struct tree_entry te;

        (void)snprintf(name, sizeof name, "m%05d", i);
        te = entry(ENTRY_FIFO, name);
        ASSERT(dir_writer_add(w, &te) == 0);
        tree_entry_release(&te);
    }
    ASSERT(dir_writer_finish(w, &out) == 0);
    /* the root is asked for first, then the leaves in order */
    save(dir, "dir-root", bytes_of("\1", 1),
         bytes_of(nodes.list.p + nodes.last, nodes.list.n - nodes.last));
    save(dir, "dir-leaf", bytes_of("\1", 1), buf_bytes(&nodes.list));
    save_nodes(dir, "kept-page", 3, &nodes);
    buf_release(&nodes.list);
    dir_writer_free(w);
}

static void save_list(const char *dir)
{
    static const struct node_key key;
    struct nodes nodes = {.last = 0};
    struct node_sink sink = {put_node, &nodes};
    struct content_writer *w = content_writer_new(&key, &sink);
    struct content out;
    uint64_t size = 0;
    struct buf head;

    buf_init(&nodes.list, 1 << 20);
    buf_init(&head, 64);
    for (unsigned i = 0; i < 100; i++) {
        struct extent e = {.kind = i % 7 ? EXTENT_CHUNK : EXTENT_HOLE,
                           .length = 1000 + i};

        memset(e.id.b, (int)(e.kind == EXTENT_HOLE ? 0 : i), sizeof e.id.b);
        ASSERT(content_writer_add(w, &e) == 0);
        size += e.length;
    }
    ASSERT(content_writer_finish(w, &out) == 0);
    codec_put_u8(&head, 2);
    codec_put_u32(&head, (uint32_t)size);
    codec_put_u32(&head, (uint32_t)size / 2);
    save(dir, "list-leaf", buf_bytes(&head), buf_bytes(&nodes.list));
    save(dir, "list-root", buf_bytes(&head),
         bytes_of(nodes.list.p + nodes.last, nodes.list.n - nodes.last));
    save_nodes(dir, "kept-list", 4, &nodes);
    buf_release(&nodes.list);
    buf_release(&head);
    content_writer_free(w);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    save_entries(argv[1]);
    save_dir(argv[1]);
    save_list(argv[1]);
    return 0;
}
