/* SPDX-License-Identifier: Apache-2.0 */
/* The C limit of live capture: a ring of TPACKET_V3 whose packets are counted, and nothing else.
 *
 *     cc -O2 -o ringloop ringloop.c && ./ringloop INTERFACE RING_OCTETS BLOCK_OCTETS
 *
 * Says "ready" on standard output when packets come in; after SIGINT reads what is left, and says
 * "PACKETS DROPPED OCTETS". It looks at each packet's header, as any reader of a ring must.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

static void need(int works, const char *what) {
    if (!works) {
        perror(what);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: ringloop INTERFACE RING_OCTETS BLOCK_OCTETS\n");
        return 2;
    }
    int receiver = socket(AF_PACKET, SOCK_RAW, 0), version = TPACKET_V3;
    need(receiver >= 0, "socket");
    struct tpacket_req3 ring = {0};
    ring.tp_block_size = strtoul(argv[3], NULL, 10);
    ring.tp_block_nr = strtoul(argv[2], NULL, 10) / ring.tp_block_size;
    ring.tp_frame_size = 2048;
    ring.tp_frame_nr = ring.tp_block_size / ring.tp_frame_size * ring.tp_block_nr;
    ring.tp_retire_blk_tov = 50;
    need(!setsockopt(receiver, SOL_PACKET, PACKET_VERSION, &version, sizeof version), "version");
    need(!setsockopt(receiver, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring), "ring");
    size_t size = (size_t)ring.tp_block_size * ring.tp_block_nr;
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, receiver, 0);
    need(memory != MAP_FAILED, "mmap");
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    where.sll_ifindex = (int)if_nametoindex(argv[1]);
    need(where.sll_ifindex > 0, "interface");
    need(!bind(receiver, (struct sockaddr *)&where, sizeof where), "bind");
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    puts("ready");
    fflush(stdout);

    uint64_t packets = 0, octets = 0;
    unsigned number = 0;
    for (;;) {
        struct tpacket_block_desc *block = (void *)(memory + (size_t)number * ring.tp_block_size);
        if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
            struct pollfd waiting = {.fd = receiver, .events = POLLIN};
            if (poll(&waiting, 1, 200) == 0 && stopped) break;
            continue;
        }
        uint8_t *at = (uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
        for (uint32_t left = block->hdr.bh1.num_pkts; left; left--) {
            struct tpacket3_hdr *packet = (void *)at;
            packets++;
            octets += packet->tp_len;
            at += packet->tp_next_offset;
        }
        __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        number = (number + 1) % ring.tp_block_nr;
    }
    struct tpacket_stats_v3 told = {0};
    socklen_t length = sizeof told;
    need(!getsockopt(receiver, SOL_PACKET, PACKET_STATISTICS, &told, &length), "statistics");
    printf("%llu %u %llu\n", (unsigned long long)packets, told.tp_drops, (unsigned long long)octets);
    return 0;
}
