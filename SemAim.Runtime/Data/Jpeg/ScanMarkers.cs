namespace SemAim.Runtime.Data.Jpeg;

/// <summary>What stands between the codes of a JPEG, found without reading them.</summary>
internal static class ScanMarkers
{
    /// <summary>
    /// True when after the first scan's header come only codes, restart markers in their rounds of eight, whole segments of the kinds that stand between scans, further scans, and the end.
    /// Who decodes a part asks this of the rest: what a whole decode refuses a file for is nearly always a marker out of order or a file that ends early.
    /// </summary>
    internal static bool AreInOrder(ReadOnlySpan<byte> file)
    {
        int at = 2;
        while (at + 4 <= file.Length && file[at] == 0xFF && file[at + 1] != 0xDA) at += file[at + 1] == 0xFF ? 1 : 2 + Length(file, at);
        if (at + 4 > file.Length || file[at] != 0xFF) return false;
        while (true)
        {
            at += 2 + Length(file, at);                                 // of a scan's header
            for (int restarts = 0; ; at += 2)
            {
                if (at >= file.Length) return false;
                int codes = file[at..].IndexOf((byte)0xFF);
                at += codes;
                if (codes < 0 || at + 1 >= file.Length) return false;
                if (file[at + 1] == 0) continue;
                if (file[at + 1] is < 0xD0 or > 0xD7) break;
                if ((file[at + 1] & 7) != (restarts++ & 7)) return false;
            }
            while (true)
            {
                while (at + 1 < file.Length && file[at + 1] == 0xFF) at++;
                if (at + 1 >= file.Length) return false;
                byte marker = file[at + 1];
                if (marker == 0xD9) return true;
                if (marker is not (0xC4 or 0xDA or 0xDB or 0xDD or 0xFE or (>= 0xE0 and <= 0xEF)) || at + 4 > file.Length || Length(file, at) < 2) return false;
                if (marker == 0xDA) break;
                at += 2 + Length(file, at);
                if (at >= file.Length || file[at] != 0xFF) return false;
            }
        }
    }

    private static int Length(ReadOnlySpan<byte> file, int at) => file[at + 2] << 8 | file[at + 3];
}
