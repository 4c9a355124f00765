"""Fetches blobs with img2dataset, which stores the bytes as they are, into tar shards. Arguments: a list of URLs, the folder, the processes, the threads of
each, and the blobs of a shard."""

import os
import sys
import urllib.request

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

# img2dataset knows no headers; its processes, which run these lines as well, ask with the opener that is installed.
opener = urllib.request.build_opener()
opener.addheaders = [("Authorization", "Bearer " + os.environ["LLAMA_CLOUD_API_KEY"])]
urllib.request.install_opener(opener)

if __name__ == "__main__":
    import img2dataset

    urls, to, processes, threads, blobs = sys.argv[1:]
    img2dataset.download(
        url_list=urls, output_folder=to, output_format="webdataset", processes_count=int(processes), thread_count=int(threads),
        number_sample_per_shard=int(blobs), disable_all_reencoding=True, extract_exif=False, enable_wandb=False, timeout=60,
    )
