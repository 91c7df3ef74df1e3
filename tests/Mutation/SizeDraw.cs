namespace SemAim.Mutation;

/// <summary>How admissible sizes are drawn. What holds by luck, because two sizes are equal or one is 1, shows at some of them.</summary>
internal enum SizeDraw
{
    /// <summary>Any small sizes, equal ones among them.</summary>
    Any,

    /// <summary>As small as the facts allow; what a call binds is 1.</summary>
    Least,

    /// <summary>No two alike and none 1, where that is possible.</summary>
    Distinct,
}
